internal import GRDB

/// A write that waits for its transaction.
struct WriteJob: Sendable {
    /// Whether it brings something new, which is refused when there is no room.
    let isIntake: Bool
    /// Answers that the job is not stored.
    let refuse: @Sendable (StoreError) -> Void
    private let body: @Sendable (Database, Tally) throws -> @Sendable () -> Void

    /// `answer` is called exactly once: with the body's value when it is on disk, or with why not.
    ///
    /// The body may run several times, each time in a transaction of its own.
    init<T: Sendable>(
        isIntake: Bool, _ body: @escaping @Sendable (Database, Tally) throws -> T,
        answer: @escaping @Sendable (Result<T, StoreError>) -> Void
    ) {
        self.isIntake = isIntake
        refuse = { answer(.failure($0)) }
        self.body = { db, tally in
            let value = try body(db, tally)
            return { answer(.success(value)) }
        }
    }

    /// A job failed for its own reasons, and what it wrote is not rolled back yet.
    struct Failure: Error {}

    /// Runs the body; what it returns is to be called when the commit is on disk.
    ///
    /// - Throws: `Failure`, or why the transaction as a whole cannot go on.
    func run(in db: Database, _ tally: Tally) throws -> @Sendable () -> Void {
        do {
            return try body(db, tally)
        } catch {
            guard !error.isOfTheDisk, db.isInsideTransaction else { throw error }
            throw Failure()
        }
    }

    /// Runs the body in a savepoint of its own: one that fails for its own reasons is rolled back,
    /// and what is returned says so.
    ///
    /// - Throws: when the transaction as a whole cannot go on.
    func runApart(in db: Database, _ tally: Tally) throws -> @Sendable () -> Void {
        try db.cachedStatement(sql: "SAVEPOINT job").execute()
        do {
            let own = Tally()
            let answer = try body(db, own)
            try db.cachedStatement(sql: "RELEASE job").execute()
            tally.add(own)
            return answer
        } catch {
            // SQLite rolls the whole transaction back by itself after some faults.
            guard !error.isOfTheDisk, db.isInsideTransaction else { throw error }
            try db.cachedStatement(sql: "ROLLBACK TO job").execute()
            try db.cachedStatement(sql: "RELEASE job").execute()
            let failure = StoreError(error)
            return { [refuse] in refuse(failure) }
        }
    }
}

extension Error {
    /// Whether another program holds the file just now.
    var isBusy: Bool { (self as? DatabaseError)?.resultCode == .SQLITE_BUSY }

    /// Whether the disk has no room. Nothing is damaged, and nothing of the transaction is stored.
    var isOfRoom: Bool {
        guard let error = self as? DatabaseError else { return false }
        return error.resultCode == .SQLITE_FULL
            || error.extendedResultCode == .SQLITE_IOERR_SHMSIZE
    }

    /// Whether the fault is the disk's, the file's or the memory's, and not the statement's.
    var isOfTheDisk: Bool {
        switch (self as? DatabaseError)?.resultCode {
        case .SQLITE_IOERR?, .SQLITE_FULL?, .SQLITE_CORRUPT?, .SQLITE_NOTADB?, .SQLITE_READONLY?,
            .SQLITE_CANTOPEN?, .SQLITE_NOMEM?, .SQLITE_PROTOCOL?:
            true
        default: false
        }
    }
}

extension StoreError {
    /// GRDB's message is SQLite's own: names of tables and columns, never bound values.
    init(_ error: any Error) {
        if let error = error as? StoreError {
            self = error
        } else if let error = error as? DatabaseError {
            let code = error.extendedResultCode.rawValue
            self = .failed("SQLite \(code): \(error.message ?? "no message")")
        } else {
            self = .failed("\(type(of: error))")
        }
    }

    static func cannotWrite(_ error: any Error) -> StoreError {
        .failed("the store cannot write: \(StoreError(error))")
    }

    static let hasNoRoom = StoreError.full("there is no room on the store's disk")
    static let isHeld = StoreError.failed("another program holds the store's file")
    static let isStalled = StoreError.failed("the store's disk has not ended a write for 10 s")
    static let isClosed = StoreError.failed("the store is closed")
    static let isForReading = StoreError.failed("the store is open for reading only")
}
