/** Stacks that run already: whoever names one says by `DOOR=URL` what it is; without a word it is a gateway. */
import { DOORS, type Door, type Profile } from './attack.ts'
import type { Target } from './stack.ts'

/** Throws a TypeError for what is no door, or no plain http URL. */
export function givenTarget (words: readonly string[], profile?: Profile): Target {
  const urls = new Map(words.map(readWord))
  return { url: door => urls.get(door), profile, own: undefined }
}

function readWord (word: string): [Door, URL] {
  const [, name = 'gateway', text = ''] = /^(?:([a-z]+)=)?(.*)$/s.exec(word) ?? []
  const door = DOORS.find(one => one === name)
  const url = URL.parse(text)
  if (door === undefined) throw new TypeError(`there is no door "${name}": ${DOORS.join(', ')}`)
  if (url?.protocol !== 'http:') throw new TypeError(`"${text}" is no http:// URL`)
  return [door, url]
}
