import Metrics

/// Counts connections that were ended because the client did not read its answers: `http.answers.stalled`.
package enum StalledAnswerCounter {
    package static func count() { Counter(label: "http.answers.stalled").increment() }
}
