"""nginx, in front of what is tested or behind it."""
import shutil
import signal
import subprocess

from support.waiting import PATIENCE, eventually


class Nginx:
    """An nginx with one server block, in the foreground."""

    def __init__(self, folder, server, port, http=""):
        folder.mkdir(exist_ok=True)
        file = folder / "nginx.conf"
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        file.write_text(f"""
            pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off; worker_processes 1; user root;
            events {{ worker_connections 4096; }}
            http {{
                access_log off; client_body_temp_path {folder}/body; {temporary} client_max_body_size 0; {http}
                server {{ listen 127.0.0.1:{port} {server} }}
            }}""")
        self.address = f"127.0.0.1:{port}"
        self.process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(file)])
        eventually(lambda: (folder / "nginx.pid").exists(), "nginx starts")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
