internal import GRDB

/// The tables. `docs/ledger.md` describes each column for operators.
///
/// Times are milliseconds since 1970, named `…_ms`. Every hot query is a range scan of a partial
/// index that holds only the rows still to be worked on, so its cost does not grow with what is
/// done already.
enum Schema {
    /// "lead" in ASCII: tells this file from any other SQLite file.
    static let applicationID: Int32 = 0x6C65_6164

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 inbox, outbox, attempts, dedupe, counters") { db in
            try db.execute(sql: tables)
            try db.execute(sql: counters)
        }
        migrator.registerMigration("2 pools, deliveries that wait") { db in
            try db.execute(sql: pools)
        }
        migrator.registerMigration("3 destinations") { db in
            try db.execute(sql: destinations)
        }
        migrator.registerMigration("4 operators") { db in
            try db.execute(sql: operators)
            try allowStates(db)
        }
        migrator.registerMigration("5 rows and states cost less") { db in
            try easeChanges(db)
        }
        migrator.registerMigration("6 a checksum in every row") { db in
            try MissingChecksums.fill(db)
        }
        migrator.registerMigration("7 whose sticky answers are") { db in
            try db.execute(sql: stickyLeads)
        }
        migrator.registerMigration("8 held leads are decided again") { db in
            try rewrite([("orders", "'forgotten'))", "'forgotten', 'decided-again'))")], db)
        }
        migrator.registerMigration("9 decided leads are decided again") { db in
            try db.execute(sql: decisions)
        }
        migrator.registerMigration("10 one index of ids") { db in
            try joinIDs(db)
        }
        return migrator
    }

    private static let tables = """
        CREATE TABLE inbox (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL,
            lead_id TEXT NOT NULL,
            state TEXT NOT NULL
                CHECK (state IN ('announced', 'received', 'decided', 'held', 'quarantined')),
            received_ms INTEGER NOT NULL,
            lead BLOB NOT NULL DEFAULT x'',
            raw BLOB NOT NULL DEFAULT x'',
            envelope TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            due_ms INTEGER NOT NULL DEFAULT 0,
            outcome TEXT,
            decision TEXT,
            rule_set_hash TEXT,
            is_duplicate INTEGER NOT NULL DEFAULT 0,
            reason TEXT,
            UNIQUE (source, lead_id)
        ) STRICT;
        CREATE INDEX inbox_received ON inbox (sequence) WHERE state = 'received';
        CREATE INDEX inbox_announced ON inbox (source, due_ms, sequence)
            WHERE state = 'announced';
        CREATE INDEX inbox_held ON inbox (sequence) WHERE state = 'held';
        CREATE INDEX inbox_quarantined ON inbox (sequence) WHERE state = 'quarantined';
        CREATE INDEX inbox_lead ON inbox (lead_id);

        CREATE TABLE outbox (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            inbox_sequence INTEGER NOT NULL REFERENCES inbox (sequence),
            sink TEXT NOT NULL,
            route TEXT NOT NULL,
            is_copy INTEGER NOT NULL,
            with_settings TEXT NOT NULL DEFAULT '',
            state TEXT NOT NULL CHECK (state IN ('pending', 'leased', 'delivered', 'dead')),
            attempts INTEGER NOT NULL DEFAULT 0,
            created_ms INTEGER NOT NULL,
            due_ms INTEGER NOT NULL,
            lease_token TEXT,
            lease_until_ms INTEGER,
            detail TEXT
        ) STRICT;
        CREATE INDEX outbox_pending ON outbox (sink, due_ms, sequence) WHERE state = 'pending';
        CREATE INDEX outbox_leased ON outbox (sink, lease_until_ms) WHERE state = 'leased';
        CREATE INDEX outbox_dead ON outbox (sequence) WHERE state = 'dead';
        CREATE INDEX outbox_inbox ON outbox (inbox_sequence);

        CREATE TABLE attempts (
            outbox_sequence INTEGER NOT NULL REFERENCES outbox (sequence),
            number INTEGER NOT NULL,
            started_ms INTEGER NOT NULL,
            duration_ms INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            detail TEXT NOT NULL
        ) STRICT;
        CREATE INDEX attempts_outbox ON attempts (outbox_sequence);

        -- The key is a hash: see InboxRow.
        CREATE TABLE dedupe (
            key TEXT NOT NULL,
            created_seconds INTEGER NOT NULL,
            inbox_sequence INTEGER NOT NULL,
            PRIMARY KEY (key, created_seconds, inbox_sequence)
        ) STRICT, WITHOUT ROWID;
        """

    /// A name that the rules no longer have is not asked for, and does no harm. What is over is
    /// removed when the next decision is stored.
    private static let pools = """
        ALTER TABLE outbox ADD COLUMN not_before_ms INTEGER;
        ALTER TABLE outbox ADD COLUMN pool TEXT;
        ALTER TABLE outbox ADD COLUMN member TEXT;

        CREATE TABLE pool_members (
            pool TEXT NOT NULL,
            member TEXT NOT NULL,
            latest INTEGER NOT NULL,
            latest_in_turn INTEGER NOT NULL,
            credit INTEGER NOT NULL,
            total INTEGER NOT NULL,
            at_ms INTEGER NOT NULL,
            PRIMARY KEY (pool, member)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE pool_counts (
            pool TEXT NOT NULL,
            member TEXT NOT NULL,
            period TEXT NOT NULL CHECK (period IN ('hour', 'day', 'month')),
            start_seconds INTEGER NOT NULL,
            count INTEGER NOT NULL,
            until_ms INTEGER NOT NULL,
            PRIMARY KEY (pool, member, period, start_seconds)
        ) STRICT, WITHOUT ROWID;

        -- The answers are a hash: see StickyKey.
        CREATE TABLE pool_sticky (
            pool TEXT NOT NULL,
            answers TEXT NOT NULL,
            member TEXT NOT NULL,
            until_ms INTEGER NOT NULL,
            PRIMARY KEY (pool, answers)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX pool_counts_until ON pool_counts (until_ms);
        CREATE INDEX pool_sticky_until ON pool_sticky (until_ms);
        """

    /// The last lead that had the answers: when it is forgotten, so are they. Rows of earlier
    /// versions end by themselves.
    private static let stickyLeads = """
        ALTER TABLE pool_sticky ADD COLUMN inbox_sequence INTEGER;
        CREATE INDEX pool_sticky_inbox ON pool_sticky (inbox_sequence)
            WHERE inbox_sequence IS NOT NULL;
        """

    /// What was decided before. A million old leads that are to be decided again must not hold up one
    /// that has just come: the index has these behind all new ones.
    private static let decisions = """
        CREATE TABLE decisions (
            inbox_sequence INTEGER NOT NULL REFERENCES inbox (sequence),
            decided_ms INTEGER NOT NULL,
            ended_ms INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            reason TEXT,
            decision TEXT,
            rule_set_hash TEXT NOT NULL,
            cancels_others INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX decisions_inbox ON decisions (inbox_sequence);
        DROP INDEX inbox_received;
        CREATE INDEX inbox_received ON inbox (decided_ms IS NOT NULL, sequence)
            WHERE state = 'received';
        """

    /// A sink's pending deliveries are found by destination, so that one that rests is left out with
    /// one seek, whatever waits for it. A destination that is not known yet is the empty text.
    private static let destinations = """
        ALTER TABLE outbox ADD COLUMN destination TEXT NOT NULL DEFAULT '';
        ALTER TABLE outbox ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
        DROP INDEX outbox_pending;
        CREATE INDEX outbox_pending ON outbox (sink, destination, due_ms, sequence)
            WHERE state = 'pending';
        CREATE INDEX outbox_suspect ON outbox (sink, due_ms, sequence)
            WHERE state = 'pending' AND crashes > 0;

        CREATE TABLE sink_pauses (
            sink TEXT PRIMARY KEY,
            since_ms INTEGER NOT NULL,
            reason TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE clock_jumps (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            expected_ms INTEGER NOT NULL,
            by_ms INTEGER NOT NULL
        ) STRICT;
        """

    /// Rows of earlier versions get their checksums from the sixth migration.
    private static let operators = """
        ALTER TABLE inbox ADD COLUMN decided_ms INTEGER;
        ALTER TABLE inbox ADD COLUMN checksum INTEGER;
        ALTER TABLE outbox ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox ADD COLUMN previous_sequence INTEGER REFERENCES outbox (sequence);
        ALTER TABLE outbox ADD COLUMN checksum INTEGER;
        -- At most one later generation, whoever orders it at the same time.
        CREATE UNIQUE INDEX outbox_previous ON outbox (previous_sequence)
            WHERE previous_sequence IS NOT NULL;
        CREATE INDEX inbox_over ON inbox (state, received_ms, sequence)
            WHERE state IN ('decided', 'held', 'quarantined');
        CREATE INDEX dedupe_inbox ON dedupe (inbox_sequence);

        CREATE TABLE orders (
            inbox_sequence INTEGER NOT NULL REFERENCES inbox (sequence),
            outbox_sequence INTEGER REFERENCES outbox (sequence),
            verb TEXT NOT NULL CHECK (verb IN ('redelivered', 'cancelled', 'forgotten')),
            at_ms INTEGER NOT NULL,
            operator TEXT NOT NULL,
            reason TEXT NOT NULL
        ) STRICT;
        CREATE INDEX orders_inbox ON orders (inbox_sequence);
        """

    /// Two states more.
    private static func allowStates(_ db: Database) throws {
        try rewrite(
            [
                ("inbox", "'quarantined'))", "'quarantined', 'forgotten'))"),
                ("outbox", "'dead'))", "'dead', 'cancelled'))"),
            ], db)
    }

    /// New rows and changes of state cost less: `Tally` counts them instead of triggers, and no list
    /// is left that each of them is looked up in. SQLite makes a table of its own of an `IN (…)`, for each
    /// row anew in a CHECK and in the condition of an index.
    private static func easeChanges(_ db: Database) throws {
        try db.execute(
            sql: """
                DROP TRIGGER inbox_inserted;
                DROP TRIGGER outbox_inserted;
                DROP TRIGGER inbox_updated;
                DROP TRIGGER outbox_updated;
                DROP INDEX inbox_over;
                CREATE INDEX inbox_over ON inbox (state, received_ms, sequence)
                    WHERE state = 'decided' OR state = 'held' OR state = 'quarantined';
                """)
        func either(_ states: [String]) -> String {
            states.map { "state = '\($0)'" }.joined(separator: " OR ")
        }
        func list(_ states: [String]) -> String {
            "state IN (" + states.map { "'\($0)'" }.joined(separator: ", ") + ")"
        }
        let leads = [
            "announced", "received", "decided", "held", "quarantined", "forgotten",
        ]
        let deliveries = ["pending", "leased", "delivered", "dead", "cancelled"]
        try rewrite(
            [
                ("inbox", list(leads), either(leads)),
                ("outbox", list(deliveries), either(deliveries)),
            ], db)
    }

    /// Ids are looked up with their source and without; an index that begins with the id serves both,
    /// and a new lead is written into one place less of a long ledger.
    ///
    /// Not where the disk has changed something: an index that is made anew takes over what is wrong
    /// in the table, or cannot be made. With both indexes everything works as before, `ledger verify`
    /// still sees what is wrong, and the service starts.
    private static func joinIDs(_ db: Database) throws {
        let found = try? String.fetchAll(db, sql: "PRAGMA integrity_check('inbox')")
        guard found == ["ok"] else { return }
        try rewrite([("inbox", "UNIQUE (source, lead_id)", "UNIQUE (lead_id, source)")], db)
        try db.execute(sql: "REINDEX inbox; DROP INDEX inbox_lead")
    }

    /// Changes the text of tables. SQLite cannot change a CHECK; its manual (lang_altertable.html,
    /// section 7) allows this when the rows need not change, which takes no time however many there
    /// are.
    private static func rewrite(
        _ changes: [(table: String, old: String, new: String)], _ db: Database
    ) throws {
        try db.execute(sql: "PRAGMA writable_schema = ON")
        for change in changes {
            try db.execute(
                sql: """
                    UPDATE sqlite_schema SET sql = replace(sql, ?, ?)
                    WHERE type = 'table' AND name = ?
                    """, arguments: [change.old, change.new, change.table])
        }
        let version = try Int.fetchOne(db, sql: "PRAGMA schema_version") ?? 0
        try db.execute(sql: "PRAGMA schema_version = \(version + 1)")
        try db.execute(sql: "PRAGMA writable_schema = RESET")
    }

    /// Counts of both sides of the books without a scan, changed in the same transactions as the
    /// rows: by `Tally`, which took over from these triggers.
    private static let counters = """
        CREATE TABLE lead_counts (
            state TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (state, outcome)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE delivery_counts (
            sink TEXT NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (sink, state)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER inbox_inserted AFTER INSERT ON inbox BEGIN
            INSERT INTO lead_counts VALUES (new.state, ifnull(new.outcome, ''), 1)
            ON CONFLICT DO UPDATE SET count = count + 1;
        END;
        CREATE TRIGGER inbox_updated AFTER UPDATE OF state, outcome ON inbox
        WHEN old.state <> new.state OR old.outcome IS NOT new.outcome BEGIN
            UPDATE lead_counts SET count = count - 1
            WHERE state = old.state AND outcome = ifnull(old.outcome, '');
            INSERT INTO lead_counts VALUES (new.state, ifnull(new.outcome, ''), 1)
            ON CONFLICT DO UPDATE SET count = count + 1;
        END;
        CREATE TRIGGER outbox_inserted AFTER INSERT ON outbox BEGIN
            INSERT INTO delivery_counts VALUES (new.sink, new.state, 1)
            ON CONFLICT DO UPDATE SET count = count + 1;
        END;
        CREATE TRIGGER outbox_updated AFTER UPDATE OF state ON outbox
        WHEN old.state <> new.state BEGIN
            UPDATE delivery_counts SET count = count - 1
            WHERE sink = old.sink AND state = old.state;
            INSERT INTO delivery_counts VALUES (new.sink, new.state, 1)
            ON CONFLICT DO UPDATE SET count = count + 1;
        END;
        """
}
