import Foundation
import Testing

@testable import LeadStore

@Suite(.timeLimit(.minutes(2))) struct StoreTroubleTests {
    @Test(
        arguments: [
            (.hasNoRoom, .diskFull), (.overloaded, .storeBusy), (.isHeld, .storeBusy),
            (.locked("by process 7"), .storeBusy), (.isClosed, .storeFailed),
            (.unusable("damaged"), .storeFailed), (.failed("SQLite 10"), .storeFailed),
        ] as [(StoreError, StoreTrouble)])
    func `each error has its word`(error: StoreError, trouble: StoreTrouble) {
        #expect(StoreTrouble(error) == trouble)
    }

    @Test func `the room that is needed is the gate's, and more without the ballast`() async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "room-\(UUID().uuidString)")
        let path = folder.appending(path: "leads.db").path(percentEncoded: false)
        let store = try await SQLiteStore.open(path: path, ownership: .owner)
        let space = DiskSpace(beside: path)
        #expect(space.admits())
        let room = try #require(store.diskRoom())
        #expect(room.freeBytes > 0)
        #expect(room.neededBytes == space.freeBytesMin)
        #expect(space.release())
        #expect(store.diskRoom()?.neededBytes == space.freeBytesMin + space.ballastBytes)
        await store.close()
        try FileManager.default.removeItem(at: folder)
    }
}
