/** Starts the embedded bus from settings: where it listens, who may, `breakwater.data.dir`, and its bound. */
import { join } from 'node:path'
import type { MainArgs, Running } from '@breakwater/starter'
import { createAuthenticator } from '@breakwater/starter/security'
import { Loop, Work } from '../../background.ts'
import { systemClock } from '../../clock.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { BusBook } from './book.ts'
import { fileMark } from './mark.ts'
import { busServer } from './server.ts'
import { BUS_TABLES } from './tables.ts'

const PURGE_MS = 30_000
const MAX_MEGABYTES = 4096

export async function startBus ({ settings, log }: MainArgs): Promise<Running> {
  const auth = await createAuthenticator(settings, log)
  const file = join(settings.string('breakwater.data.dir', 'data'), 'bus', 'bus.db')
  const store = openSqlite({ file, tables: BUS_TABLES })
  const book = new BusBook(store, {
    mark: fileMark(`${file}-mark`),
    maxBytes: settings.integer('breakwater.bus.max-megabytes', MAX_MEGABYTES) * 1024 * 1024,
    onError: error => { log.error({ err: String(error) }, 'the bus could not write or read') },
    onNotice: (text, fields) => { log.warn(fields, text) }
  })
  await book.ready()
  const app = busServer(book, { auth })
  const url = await app.listen({
    host: settings.string('server.address', '127.0.0.1'),
    port: settings.integer('server.port', 7070)
  })
  const purge = new Loop(new Work('purge', log, systemClock), systemClock, PURGE_MS, () => book.purge())
  purge.start()
  return {
    url,
    stop: async () => {
      await purge.stop()
      await app.close()
      await store.close()
    }
  }
}
