"""Others behind the proxy and in front of it: Hummingbird, Python, nginx."""
import json

from support.curl import curl
from support.http_server import HTTPServer
from support.nginx import Nginx
from support.ports import free_port
from support.proxy import run_proxy, to, url


def test_hummingbird_behind(start, tmp_path, serve):
    push = serve()
    proxy = run_proxy(start, tmp_path, to(push))
    assert curl(url(proxy, "/healthz")) == "ok\n"
    assert curl("-d", '{"userId":"a","event":"b","message":"c"}', url(proxy, "/push")) == "message sent to 0 clients"
    assert "<!doctype html>" in curl(url(proxy))


def test_python_http_1_0_behind(start, tmp_path):
    server = HTTPServer("HTTP/1.0")
    proxy = run_proxy(start, tmp_path, to(server))
    assert curl("-d", "hello", url(proxy)) == "5"
    assert curl("-o", "/dev/null", "-w", "%{size_download}", url(proxy, "/bytes/1000000")) == "1000000"
    server.stop()


def test_nginx_behind(start, tmp_path):
    (tmp_path / "files").mkdir()
    with (tmp_path / "files/large").open("wb") as file:
        file.truncate(64 << 20)
    nginx = Nginx(tmp_path / "nginx", f"; root {tmp_path}/files;", free_port())
    proxy = run_proxy(start, tmp_path, to(nginx))
    assert curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}", url(proxy, "/large")) == f"200 {64 << 20}"
    assert curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}", "-r", "5-14", url(proxy, "/large")) == "206 10"
    assert curl("-o", "/dev/null", "-w", "%{http_code}", url(proxy, "/none")) == "404"
    nginx.stop()


def test_nginx_in_front_as_tls_terminator(start, tmp_path, backend, certificates):
    proxy = run_proxy(start, tmp_path, {
        **to(backend), "listeners": [{"listen": "127.0.0.1:0", "trustedProxies": ["127.0.0.1"]}]})
    nginx = Nginx(tmp_path / "nginx", f"""ssl;
        ssl_certificate {certificates["cert"]}; ssl_certificate_key {certificates["key"]};
        location / {{
            proxy_pass http://127.0.0.1:{proxy.port}; proxy_http_version 1.1; proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
            proxy_request_buffering off; proxy_buffering off;
        }}""", free_port())
    base = f"https://localhost:{nginx.address.split(':')[1]}"
    headers = dict(json.loads(curl("--cacert", certificates["ca"], base))["headers"])
    assert headers["X-Forwarded-Proto"] == "https" and headers["X-Forwarded-For"] == "127.0.0.1, 127.0.0.1"
    assert curl("--cacert", certificates["ca"], "--data-binary", "x" * 100000, base) == "100000"
    nginx.stop()
