import Foundation

/// A socket as a test uses it: calls wait, ten seconds at most.
final class BlockingSocket: Sendable {
    let descriptor: CInt

    init(descriptor: CInt) {
        self.descriptor = descriptor
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(self.descriptor) }

    /// Two ends of one connection; the second does not wait, and is the caller's to close.
    static func pair() throws -> (BlockingSocket, CInt) {
        var descriptors: [CInt] = [0, 0]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &descriptors) == 0 else { throw Failure.system(errno) }
        _ = fcntl(descriptors[1], F_SETFL, O_NONBLOCK)
        return (BlockingSocket(descriptor: descriptors[0]), descriptors[1])
    }

    /// Has a port of 127.0.0.1 that the kernel chooses.
    ///
    /// - Parameter listens: whether connections are accepted there; otherwise they are refused.
    static func bound(listens: Bool = true) throws -> (BlockingSocket, port: Int) {
        let socket = BlockingSocket(descriptor: Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.descriptor, $0, length) == 0 && (!listens || listen(socket.descriptor, 16) == 0)
                    && getsockname(socket.descriptor, $0, &length) == 0
            }
        }
        guard result else { throw Failure.system(errno) }
        return (socket, Int(UInt16(bigEndian: address.sin_port)))
    }

    func accept() throws -> BlockingSocket {
        let descriptor = Glibc.accept(self.descriptor, nil, nil)
        guard descriptor >= 0 else { throw Failure.system(errno) }
        return BlockingSocket(descriptor: descriptor)
    }

    /// Whether nobody has connected.
    var hasNoConnection: Bool {
        var poll = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) == 0
    }

    func send(_ text: String) throws { try self.send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(self.descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure.system(errno)
        }
    }

    func endOutput() { shutdown(self.descriptor, CInt(SHUT_WR)) }

    /// Reads `count` bytes, or fewer if the peer ends the connection before.
    func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: count)
        while bytes.count < count {
            let got = recv(self.descriptor, &buffer, count - bytes.count, 0)
            guard got >= 0 else { throw Failure.system(errno) }
            if got == 0 { break }
            bytes += buffer[..<got]
        }
        return bytes
    }

    /// A head with its empty line, and nothing behind it.
    func readHead() throws -> String {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            let byte = try self.read(1)
            guard !byte.isEmpty else { throw Failure.ended(String(decoding: bytes, as: UTF8.self)) }
            bytes += byte
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    enum Failure: Error {
        case system(CInt)
        case ended(String)
    }
}
