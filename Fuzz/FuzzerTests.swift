#if FUZZING
import Foundation
import Testing

/// libFuzzer's entry, where a program has a `main` of its own.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ argc: UnsafeMutablePointer<CInt>,
    _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ run: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The target that the environment names.
private let target = FuzzTarget(rawValue: ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "")

/// libFuzzer on the target that `FUZZ_TARGET` names, with the arguments of `FUZZ_ARGUMENTS`: see scripts/fuzz.sh, which
/// builds this. libFuzzer ends the process.
@Suite("Fuzzer")
struct FuzzerTests {
    @Test("it runs until its time is over, or it has found something")
    func fuzz() throws {
        _ = try #require(target)
        let given = ProcessInfo.processInfo.environment["FUZZ_ARGUMENTS"] ?? ""
        let words = ["fuzz"] + given.split(separator: " ").map { String($0) }
        let thread = Thread {
            var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
            arguments.withUnsafeMutableBufferPointer { buffer in
                var argc = CInt(words.count)
                guard var argv = buffer.baseAddress else { return }
                _ = runDriver(&argc, &argv) { bytes, count in
                    target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
                    return 0
                }
            }
            exit(0)
        }
        // A parser that calls itself may go deep under AddressSanitizer.
        thread.stackSize = 64 << 20
        thread.start()
        while true { sleep(60) }
    }
}
#endif
