/** Starts the embedded bus from settings: `server.port`, `server.address`, `breakwater.data.dir`. */
import { join } from 'node:path'
import type { MainArgs, Running } from '@breakwater/starter'
import { systemClock } from '../../clock.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { BusBook } from './book.ts'
import { busServer } from './server.ts'
import { BUS_TABLES } from './tables.ts'

const PURGE_MS = 30_000

export async function startBus ({ settings, log }: MainArgs): Promise<Running> {
  const dir = settings.string('breakwater.data.dir', 'data')
  const store = openSqlite({ file: join(dir, 'bus', 'bus.db'), tables: BUS_TABLES })
  const book = new BusBook(store, systemClock, error => { log.error({ err: String(error) }, 'the bus could not write') })
  const app = busServer(book)
  const url = await app.listen({
    host: settings.string('server.address', '127.0.0.1'),
    port: settings.integer('server.port', 7070)
  })
  const purge = setInterval(() => {
    book.purge().catch((error: unknown) => { log.warn({ err: String(error) }, 'purge failed') })
  }, PURGE_MS)
  return {
    url,
    stop: async () => {
      clearInterval(purge)
      await app.close()
      await store.close()
    }
  }
}
