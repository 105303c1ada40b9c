import ArgumentParser
import LeadKit

/// How much of a listing, and in which form.
struct PageOptions: ParsableArguments {
    @Option(help: "At most so many.") var limit = 50
    @Option(
        help: ArgumentHelp(
            "Go on behind this row: the number that the page before ended with.",
            valueName: "number"))
    var before: Int64?
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit needs a number from 1") }
    }
}

/// Rows printed as they come, a page of the store at a time: bounded memory for any number.
struct Listing {
    /// Rows read at a time.
    static let pageMax = 1000

    private let format: OutputFormat
    private var table: StreamedTable
    private var left: Int
    /// The row that the next page begins behind.
    private(set) var before: Int64?

    init(_ options: PageOptions, header: [String]) {
        format = options.format
        left = options.limit
        before = options.before
        table = StreamedTable(header)
    }

    /// How many rows to read next; nil when there are enough.
    var nextLimit: Int? { left > 0 ? min(left, Listing.pageMax) : nil }

    /// Whether nothing was listed.
    private(set) var isEmpty = true

    /// What to ask for next.
    func parameters(_ limit: Int) -> [Parameter] {
        [("limit", String(limit))] + (before.map { [("before", String($0))] } ?? [])
    }

    /// Lists the rows of an answer; false when there are no more behind them.
    mutating func add(
        _ rows: [JSONValue], of answer: JSONValue, cells: (JSONValue) -> [String]
    ) -> Bool {
        for row in rows {
            isEmpty = false
            left -= 1
            before = row["sequence"]?.integer.map { Int64($0) } ?? before
            if format == .table {
                table.add(cells(row))
            } else {
                Console.print(LedgerJSON.text { $0.value(row) })
            }
        }
        guard let next = answer["next_before"]?.integer else { return false }
        before = Int64(next)
        return true
    }

    mutating func finish() {
        guard format == .table else { return }
        table.finish()
        if left == 0, let before { Console.print("\nmore: --before \(before)") }
    }
}

/// What is wrong with an option or argument, with the exit code of wrong usage.
func usage<T>(_ body: () throws(BadRequest) -> T) throws -> T {
    do throws(BadRequest) {
        return try body()
    } catch {
        throw ValidationError(error.description)
    }
}
