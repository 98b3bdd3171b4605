/**
 * Preloaded into processes of the lab: their wall clock jumps when the lab says so, as on a machine whose time is set
 * by hand. The monotonic clock and timers go on as they do then.
 */
let offsetMs = 0
const real = Date.now.bind(Date)

Date.now = () => real() + offsetMs
globalThis.Date = new Proxy(Date, {
  construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [Date.now()] : args, self) as object
})

process.on('message', (message: unknown) => {
  if (typeof message !== 'object' || message === null || !('clockOffsetMs' in message)) return
  offsetMs = Number(message.clockOffsetMs)
  process.send?.({ clockMs: Date.now() })
})
// Listening must not keep a process alive that has ended its work.
process.channel?.unref()
