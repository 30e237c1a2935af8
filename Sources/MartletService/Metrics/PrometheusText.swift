/// The lines of Prometheus' text format that stand before the series of a metric.
package enum PrometheusText {
    /// - Parameter help: a sentence; without one only the type is written.
    package static func heading(_ name: String, _ type: String, _ help: String?) -> String {
        let type = "# TYPE \(name) \(type)\n"
        guard let help else { return type }
        return "# HELP \(name) \(help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n"))\n" + type
    }
}
