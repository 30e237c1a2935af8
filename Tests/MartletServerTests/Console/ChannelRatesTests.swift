import Testing

@testable import MartletServer

@Suite("Rates of publications")
struct ChannelRatesTests {
    @Test("nothing is known at the first look, and at later ones what came since then")
    func first() {
        var rates = ChannelRates()
        #expect(rates.rates([1: 100], at: .seconds(5)).isEmpty)
        #expect(rates.rates([1: 110], at: .seconds(15)) == [1: 60])
    }

    @Test("a rate is one of the last minute or two, not of all the time that somebody looked")
    func window() {
        var rates = ChannelRates()
        for second in stride(from: 0, through: 600, by: 10) {
            let offset = UInt64(second < 300 ? second * 100 : 30_000 + (second - 300))
            let rate = rates.rates([1: offset], at: .seconds(second))[1]
            if second == 290 { #expect(rate == 6000) }
            if second == 600 { #expect(rate == 60) }
        }
    }

    @Test("a channel that has come or begun again has no rate that cannot be")
    func changes() {
        var rates = ChannelRates()
        _ = rates.rates([1: 1000], at: .zero)
        let later = rates.rates([1: 5, 2: 70], at: .seconds(60))
        #expect(later == [1: 5, 2: 0])
    }

    @Test("when nobody has looked for long, counting begins anew")
    func patience() {
        var rates = ChannelRates()
        _ = rates.rates([1: 0], at: .zero)
        #expect(rates.rates([1: 1000], at: .seconds(1000)).isEmpty)
        #expect(rates.rates([1: 1001], at: .seconds(1060)) == [1: 1])
    }
}
