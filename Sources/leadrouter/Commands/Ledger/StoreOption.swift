import ArgumentParser
import Foundation
import LeadKit
import LeadRules
import LeadStore

/// The store, for commands that only look: it may be in use by a running service.
struct StoreOption: ParsableArguments {
    @OptionGroup var config: ConfigurationOption
    @Option(
        help: ArgumentHelp("The store's file, instead of the configured one.", valueName: "file"))
    var store: String?

    func settings() throws -> OperatorSettings { try config.settings() }

    /// The store's file.
    func path() throws -> String { try store ?? settings().store.path }

    /// Opens it for reading; `help` says what to do instead when there is none yet.
    func open(orElse help: String? = nil) async throws -> SQLiteStore {
        let path = try path()
        switch SQLiteStore.presence(of: path) {
        case .missing:
            guard let help else { break }
            Console.error("error: there is no store '\(path)' yet\nhelp: \(help)")
            throw ExitCode.unavailable
        case .denied:
            StoreOption.tellDenied(path)
            throw ExitCode.unavailable
        case .readable: break
        }
        do {
            return try await SQLiteStore.open(path: path, ownership: .reader)
        } catch {
            error.tell(at: path)
            throw ExitCode.unavailable
        }
    }

    static func tellDenied(_ path: String) {
        Console.error(
            "error: you may not read the store '\(path)'\n"
                + "help: run this as the service's account, such as with 'sudo -u leadrouter'; "
                + "where a service runs, orders and looks at the ledger need only its token")
    }

    /// Looks, and closes the store however that ends.
    func look<T>(_ body: (SQLiteStore) async throws -> T) async throws -> T {
        let store = try await open()
        do {
            let value = try await body(store)
            await store.close()
            return value
        } catch let error as StoreError {
            await store.close()
            Console.error("error: \(error)")
            throw ExitCode.unavailable
        } catch {
            await store.close()
            throw error
        }
    }
}

extension StoreError {
    /// Prints why a store was not opened, and what may be behind it.
    func tell(at path: String) {
        Console.error("error: \(self)")
        if path.utf8.first != 0x2F, !FileManager.default.fileExists(atPath: path) {
            Console.error(
                "help: '\(path)' is looked for from the folder in which this runs, "
                    + "'\(FileManager.default.currentDirectoryPath)': run it where 'leadrouter serve' "
                    + "was started, or name that service with --service HOST:PORT")
        }
        // SQLite's own word is the latter.
        guard ["damaged", "malformed"].contains(where: { ByteSearch.contains(description, $0) }),
            FileManager.default.fileExists(atPath: path + "-wal")
        else { return }
        Console.error(
            "help: if '\(path)' was put there from a backup, '\(path)-wal' and '\(path)-shm' beside it "
                + "may belong to the store that was there before: move them away and try again")
    }
}
