import type { Instance } from './instance.ts'

/** Where an instance stands; the place stays the same while what stands there changes. */
interface Place {
  readonly instance: Instance
}

/** Instances by virtual address, so that asking for one address does not look at every instance. */
export class VipIndex {
  readonly #byVip = new Map<string, Set<Place>>()
  readonly #field: 'vipAddress' | 'secureVipAddress'

  constructor (field: 'vipAddress' | 'secureVipAddress') {
    this.#field = field
  }

  add (place: Place): void {
    for (const vip of splitVips(place.instance[this.#field])) {
      let places = this.#byVip.get(vip)
      if (places === undefined) this.#byVip.set(vip, places = new Set())
      places.add(place)
    }
  }

  /** Before another instance stands in its place. */
  remove (place: Place): void {
    for (const vip of splitVips(place.instance[this.#field])) {
      const places = this.#byVip.get(vip)
      if (places === undefined) continue
      places.delete(place)
      if (places.size === 0) this.#byVip.delete(vip)
    }
  }

  get (vip: string): Instance[] {
    return [...this.#byVip.get(vip) ?? []].map(({ instance }) => instance)
  }
}

/** All names by which an instance is asked for, in upper case: its application's and its virtual addresses. */
export function namesOf ({ app, vipAddress, secureVipAddress }: Instance): string[] {
  return [app, ...splitVips(vipAddress), ...splitVips(secureVipAddress)].map(name => name.trim().toUpperCase())
}

/** The addresses of a comma list, case kept: Eureka matches one element exactly. */
export function splitVips (list: string | undefined): string[] {
  return list === undefined ? [] : list.split(',').filter(vip => vip !== '')
}
