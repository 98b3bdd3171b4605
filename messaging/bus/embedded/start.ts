/** Starts the embedded bus from settings: where it listens, who may, `breakwater.data.dir`, and its bound. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MainArgs, Running } from '@breakwater/starter'
import { managementPort } from '@breakwater/starter/http'
import type { Logger } from '@breakwater/starter/logger'
import { createAuthenticator } from '@breakwater/starter/security'
import { Loop, Work } from '../../background.ts'
import { systemClock } from '../../clock.ts'
import { hasCode } from '../../errors.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { BusBook } from './book.ts'
import { fileMark } from './mark.ts'
import { busServer } from './server.ts'
import { BUS_TABLES } from './tables.ts'

const PURGE_MS = 30_000
const MAX_MEGABYTES = 4096
/** A bus that was told to end, as in a pod that is replaced, has let go of its file by then. */
const OWNER_MS = 30_000
const LOOK_MS = 200

export async function startBus ({ settings, log }: MainArgs): Promise<Running> {
  const auth = await createAuthenticator(settings, log)
  const file = join(settings.string('breakwater.data.dir', 'data'), 'bus', 'bus.db')
  const ownerMs = settings.durationMs('breakwater.bus.wait-for-owner', OWNER_MS)
  const store = await whenFree(() => openSqlite({ file, tables: BUS_TABLES }), ownerMs, log)
  const book = new BusBook(store, {
    mark: fileMark(`${file}-mark`),
    maxBytes: settings.integer('breakwater.bus.max-megabytes', MAX_MEGABYTES) * 1024 * 1024,
    onError: error => { log.error({ err: String(error) }, 'the bus could not write or read') },
    onNotice: (text, fields) => { log.warn(fields, text) }
  })
  await book.ready()
  const app = busServer(book, { auth, operating: { settings, log } })
  const host = settings.string('server.address', '127.0.0.1')
  const manage = managementPort(app, settings, auth.door.hosts)
  const url = await app.listen({ host, port: settings.integer('server.port', 7070) })
  const managed = await manage(host)
  const purge = new Loop(new Work('purge', log, systemClock), systemClock, PURGE_MS, () => book.purge())
  purge.start()
  return {
    url,
    ...managed,
    stop: async () => {
      await purge.stop()
      await app.close()
      await store.close()
    }
  }
}

/** Opens what another process may still have for a while; E_STORE_OWNED when it keeps it. */
async function whenFree<Opened> (open: () => Opened, waitMs: number, log: Logger): Promise<Opened> {
  const until = performance.now() + waitMs
  for (let tries = 1; ; tries++) {
    try {
      return open()
    } catch (error) {
      if (!hasCode(error, 'E_STORE_OWNED') || performance.now() >= until) throw error
      if (tries === 1) log.warn({ err: String(error) }, 'another bus still has the file, waiting for its end')
      await sleep(LOOK_MS)
    }
  }
}
