/** Whether anything is under way between the services of a world. Sagas that wait for an answer are not. */
import type { World } from './world.ts'

const LOOK_MS = 100

/** What still moves, and why it is not quiet; empty when it is. Lets the time pass that looking takes. */
export async function whatMoves (world: World): Promise<string[]> {
  const moving: string[] = []
  for (const service of world.services.values()) {
    const waiting = service.running ? await world.run(() => service.waiting()) : undefined
    if (waiting === undefined) moving.push(`${service.name} does not run`)
    else if (waiting > 0) moving.push(`${service.name}: ${waiting} in the outbox`)
    if (service.machine.stillUntilMs > world.scheduler.nowMs) moving.push(`${service.name} stands still`)
  }
  if (world.deliveries.held > 0) moving.push(`${world.deliveries.held} deliveries are held back`)
  if (!world.bus.running) return [...moving, 'the bus does not run']
  for (const { queue, waiting, inFlight } of await world.run(() => world.bus.stats())) {
    if (waiting + inFlight > 0) moving.push(`${queue}: ${waiting} waiting, ${inFlight} in flight`)
  }
  return moving
}

/** Lets time pass until nothing moves any more; throws, saying what does, when that takes longer than `limitMs`. */
export async function becomeQuiet (world: World, limitMs: number): Promise<void> {
  const deadline = world.now + limitMs
  for (let moving = await whatMoves(world); moving.length > 0; moving = await whatMoves(world)) {
    if (world.now > deadline) throw new Error(`not quiet after ${limitMs} ms: ${moving.join('; ')}`)
    await world.after(LOOK_MS)
  }
}
