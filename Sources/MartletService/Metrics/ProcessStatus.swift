/// The figures of `/proc/PID/stat` (proc(5)).
package struct ProcessStatus: Sendable, Hashable {
    /// The time that the process has spent on processors, in clock ticks.
    package let processorTicks: Int
    /// The time at which it was started, in clock ticks since the system was.
    package let startTicks: Int
    /// The address space, in bytes.
    package let virtualSize: Int
    /// The memory in use, in pages.
    package let residentPages: Int

    /// - Parameter text: the contents of the file. The name of the program stands in it in parentheses, and may itself
    ///   have blanks and parentheses.
    package init?(_ text: String) {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(whereSeparator: \.isWhitespace)
        // Behind the name stands field 3.
        let numbers = [14, 15, 22, 23, 24].compactMap { $0 - 3 < fields.count ? Int(fields[$0 - 3]) : nil }
        guard numbers.count == 5 else { return nil }
        self.processorTicks = numbers[0] + numbers[1]
        self.startTicks = numbers[2]
        self.virtualSize = numbers[3]
        self.residentPages = numbers[4]
    }
}
