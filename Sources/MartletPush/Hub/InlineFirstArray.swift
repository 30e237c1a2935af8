/// An array whose first element takes no memory of its own: for arrays that mostly have one element.
struct InlineFirstArray<Element> {
    private var first: Element?
    private var others: [Element] = []

    init() {}

    var count: Int { self.first == nil ? 0 : self.others.count + 1 }
    var indices: Range<Int> { 0..<self.count }

    subscript(index: Int) -> Element {
        get {
            guard index == 0, let first = self.first else { return self.others[index - 1] }
            return first
        }
        _modify {
            if index == 0 { yield &self.first! } else { yield &self.others[index - 1] }
        }
    }

    mutating func append(_ element: Element) {
        if self.first == nil { self.first = element } else { self.others.append(element) }
    }

    func firstIndex(where isIt: (Element) -> Bool) -> Int? { self.indices.first { isIt(self[$0]) } }
}
