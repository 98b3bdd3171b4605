import type { Instance } from './instance.ts'

/** Instances by virtual address, so that asking for one address does not look at every instance. */
export class VipIndex {
  readonly #byVip = new Map<string, Map<string, Instance>>()
  readonly #field: 'vipAddress' | 'secureVipAddress'

  constructor (field: 'vipAddress' | 'secureVipAddress') {
    this.#field = field
  }

  add (key: string, instance: Instance): void {
    for (const vip of splitVips(instance[this.#field])) {
      let instances = this.#byVip.get(vip)
      if (instances === undefined) this.#byVip.set(vip, instances = new Map())
      instances.set(key, instance)
    }
  }

  remove (key: string, instance: Instance): void {
    for (const vip of splitVips(instance[this.#field])) {
      const instances = this.#byVip.get(vip)
      if (instances === undefined) continue
      instances.delete(key)
      if (instances.size === 0) this.#byVip.delete(vip)
    }
  }

  get (vip: string): Instance[] {
    return [...this.#byVip.get(vip)?.values() ?? []]
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
