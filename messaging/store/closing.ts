/**
 * The end of a store, the same for every engine: whoever still asks behind it is told "not now" (another instance, or
 * the next start, will answer), where each driver would fail in a way of its own. Closing twice is closing once.
 */
import { messagingError } from '../errors.ts'
import type { Store, Tx } from './store.ts'

export function closing<T extends Tx, Reader extends object> (store: Store<T, Reader>): Store<T, Reader> {
  let closed: Promise<void> | undefined
  const whileOpen = <Args extends unknown[], Value>(fn: (...args: Args) => Promise<Value>) =>
    async (...args: Args): Promise<Value> => {
      if (closed !== undefined) throw messagingError('E_STORE_DOWN', ['it is closed'], { where: store.description })
      return fn(...args)
    }
  /** Every function of an object, and of the objects in it. */
  const guarded = <Part extends object>(part: Part): Part => Object.fromEntries(
    Object.entries(part).map(([name, value]: [string, object]) =>
      [name, typeof value === 'function' ? whileOpen(value as () => Promise<unknown>) : guarded(value)])) as Part
  return {
    ...store,
    read: guarded(store.read),
    outbox: guarded(store.outbox),
    ...guarded({
      tx: (fn, how) => store.tx(fn, how),
      inbox: limit => store.inbox(limit),
      purge: before => store.purge(before),
      forgotten: () => store.forgotten(),
      check: () => store.check()
    } satisfies Pick<Store<T, Reader>, 'tx' | 'inbox' | 'purge' | 'forgotten' | 'check'>),
    ...(store.verify === undefined ? {} : { verify: whileOpen(store.verify) }),
    close: () => closed ??= store.close()
  }
}
