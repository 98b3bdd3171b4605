/**
 * For the failure lab: looks at every article that a transaction has changed, as it was committed, and notes what can
 * never be true. It changes nothing; a store that it wraps is as wrong as before, but seen.
 */
import { appendFileSync } from 'node:fs'
import type { KeyValueStore } from '@breakwater/messaging/stores'
import { STOCK } from './stock-store.ts'
import { available, type Stock } from '../domain/stock.ts'

/** Notes into a file, a line for each violation; the file itself says that somebody looked. */
export function watchStock (store: KeyValueStore, file: string): KeyValueStore {
  appendFileSync(file, '')
  const tx: KeyValueStore['tx'] = async fn => {
    const touched = new Set<string>()
    const value = await store.tx(tx => fn({ ...tx, put: (key, entry) => {
      if (key.startsWith(STOCK)) touched.add(key)
      tx.put(key, entry)
    } }))
    for (const key of touched) {
      const stock = await store.read.get<Stock>(key)
      if (isWrong(stock)) appendFileSync(file, `${JSON.stringify({ key, stock })}\n`)
    }
    return value
  }
  return { ...store, tx }
}

function isWrong (stock: Stock | undefined): boolean {
  return stock === undefined || stock.onHand < 0 || stock.reserved < 0 || available(stock) < 0
}
