import LeadStore
import LeadTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SQLiteContractTests {
    @Test(arguments: StoreContract.checks)
    func `the SQLite store holds to the contract`(check: StoreContract.Check) async throws {
        let folder = StoreFolder()
        try await StoreContract { try await folder.open() }.verify(check)
    }
}
