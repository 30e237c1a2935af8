/// Comparison that takes as long for a wrong secret as for the right one.
package enum ConstantTime {
    package static func equals(_ left: String, _ right: String) -> Bool {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        var difference = left.count ^ right.count
        for index in left.indices { difference |= Int(left[index] ^ (right.isEmpty ? 0 : right[index % right.count])) }
        return difference == 0
    }
}
