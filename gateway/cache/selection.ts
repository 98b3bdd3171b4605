/** Which kept answers are to be forgotten, and what came too late to be kept. */

/** Where an answer was kept. */
export interface Target {
  readonly route: string
  /** As the caller named them. */
  readonly host: string
  readonly path: string
}

/** Everything that is given must be so; nothing given is all. A path that ends with `*` stands for all below it. */
export type CacheSelection = Partial<Target>

export function isSelected (selection: CacheSelection, target: Target): boolean {
  const { route = target.route, host = target.host, path = target.path } = selection
  const isPath = path.endsWith('*') ? target.path.startsWith(path.slice(0, -1)) : target.path === path
  return route === target.route && host === target.host && isPath
}

/** The one target of a selection that names one, as a key. */
export function exactly ({ route, host, path }: CacheSelection): string | undefined {
  const isExact = route === undefined && host !== undefined && path?.endsWith('*') === false
  return isExact ? keyOf({ host, path }) : undefined
}

export function keyOf ({ host, path }: Pick<Target, 'host' | 'path'>): string {
  return `${host}\n${path}`
}

const MOST = 10_000

/**
 * What was forgotten lately: an answer that was asked for before that is of before, and whoever brings it afterwards
 * would have it kept for its whole life.
 */
export class Forgotten {
  readonly #byTarget = new Map<string, number>()
  /** Since then it is not known in detail. */
  #allMs = -Infinity

  note (selection: CacheSelection, nowMs: number): void {
    const key = exactly(selection)
    if (key === undefined || this.#byTarget.size >= MOST) this.#noteAll(nowMs)
    else this.#byTarget.set(key, nowMs)
  }

  isOutdated (target: Target, askedMs: number): boolean {
    return askedMs <= Math.max(this.#allMs, this.#byTarget.get(keyOf(target)) ?? -Infinity)
  }

  #noteAll (nowMs: number): void {
    this.#allMs = nowMs
    this.#byTarget.clear()
  }
}
