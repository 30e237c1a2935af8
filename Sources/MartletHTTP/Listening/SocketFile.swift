#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The file of a Unix domain socket that this process listens on.
package struct SocketFile {
    private let path: String
    /// The device and inode, to recognise a file that another process has put in its place.
    private let identity: (dev_t, ino_t)?

    package init(_ path: String) {
        self.path = path
        self.identity = Self.identity(path)
    }

    private static func identity(_ path: String) -> (dev_t, ino_t)? {
        var status = stat()
        return lstat(path, &status) == 0 ? (status.st_dev, status.st_ino) : nil
    }

    /// Whether a file is a socket.
    package static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    /// Removes the file, unless it now belongs to another process.
    package func remove() {
        guard let ours = self.identity, let now = Self.identity(self.path), ours == now else { return }
        unlink(self.path)
    }
}
