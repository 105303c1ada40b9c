/// A name of at most 15 bytes as two numbers, which are compared at once.
struct ShortName: Equatable {
    static let bytesMax = 15

    private let first: UInt64
    private let second: UInt64
    private let count: Int

    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count <= ShortName.bytesMax else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: UnsafeRawBufferPointer(bytes)) }
        (first, second) = words
        count = bytes.count
    }
}
