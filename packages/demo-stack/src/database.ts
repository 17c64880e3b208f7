import { DatabaseSync } from 'node:sqlite'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS api_keys (
    hash TEXT PRIMARY KEY, name TEXT NOT NULL, api TEXT NOT NULL, scopes TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS idempotency (
    key_hash TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT,
    created_ms INTEGER NOT NULL, PRIMARY KEY (key_hash, key)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL, route TEXT,
    status INTEGER NOT NULL, key_name TEXT, traceparent TEXT, request_id TEXT, headers TEXT NOT NULL, body TEXT,
    body_sha256 TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS articles (
    id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, title TEXT NOT NULL, markdown TEXT NOT NULL, sha256 TEXT NOT NULL,
    published_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS customers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, name_folded TEXT NOT NULL, company TEXT NOT NULL, email TEXT NOT NULL,
    email_folded TEXT NOT NULL UNIQUE, phone TEXT NOT NULL, plan TEXT NOT NULL, since TEXT NOT NULL,
    country TEXT NOT NULL, notes TEXT NOT NULL, credit_limit INTEGER NOT NULL, birth_date TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS tickets (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, description TEXT NOT NULL, priority TEXT NOT NULL,
    status TEXT NOT NULL, customer_email TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS ticket_notes (
    seq INTEGER PRIMARY KEY, ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE, at TEXT NOT NULL,
    author TEXT NOT NULL, text TEXT NOT NULL, internal INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS ticket_notes_by_ticket ON ticket_notes (ticket_id);
`

/**
 * Opens the database and creates missing tables.
 *
 * @param path a file, or `:memory:`
 * @throws the driver's error if the file cannot be opened or is not a database
 */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 5000 })
  try {
    // With a write-ahead log, other processes can read the file meanwhile. In-memory databases ignore the pragma.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON')
    db.exec(SCHEMA)
  } catch (error) {
    db.close()
    throw error
  }
  return db
}

/**
 * Runs the effect in one transaction, so all of its writes are stored or none.
 * The effect must be synchronous, because no other statement may run on this connection during the transaction.
 *
 * @throws whatever the effect throws, after a rollback
 */
export function inTransaction<T>(db: DatabaseSync, effect: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = effect()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}
