/** SQL as commands write it, through a session. */
import type pg from 'pg'
import { nextPosition } from './postgres-lines.ts'
import type { Session } from './postgres-sessions.ts'
import type { SqlWriter } from './sql-command.ts'
import type { SqlValue } from './store.ts'

export function writer (session: Session): SqlWriter {
  return {
    get: async <Row>(sql: string, ...params: SqlValue[]) =>
      (await ask(session, sql, params)).rows[0] as Row | undefined,
    all: async <Row>(sql: string, ...params: SqlValue[]) => (await ask(session, sql, params)).rows as Row[],
    run: async (sql, ...params) => (await ask(session, sql, params)).rowCount ?? 0,
    position: line => nextPosition(session, line)
  }
}

function ask (session: Session, sql: string, params: readonly SqlValue[]): Promise<pg.QueryResult> {
  return session.query(numbered(sql), params)
}

const texts = new Map<string, string>()

/** `?` as PostgreSQL numbers them; the texts are constants of the code, so the map stays small. */
function numbered (sql: string): string {
  let text = texts.get(sql)
  if (text === undefined) {
    let n = 0
    text = sql.replace(/\?/g, () => `$${++n}`)
    texts.set(sql, text)
  }
  return text
}
