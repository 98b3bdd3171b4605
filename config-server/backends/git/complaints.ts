/** What git says while it runs: how far it is, and what it complains of. */

const MAX_LINES = 20
const MAX_LENGTH = 300
const COMPLAINT = /^(?:fatal|error|remote|ssh):/i
const PROGRESS = /^(?:remote: )?(?:[A-Z][\w -]+: +\d+(?:%|$|,)|Total \d)/

export class Complaints {
  readonly #lines: string[] = []
  #rest = ''
  #progress = ''

  add (text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]/)
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LENGTH)
    for (const line of lines) this.#take(line.trim().slice(0, MAX_LENGTH))
  }

  #take (line: string): void {
    if (PROGRESS.test(line)) this.#progress = line
    else if (line !== '' && this.#lines.length < MAX_LINES) this.#lines.push(line)
    else if (line !== '') this.#lines[MAX_LINES - 1] = line
  }

  /** The first complaint names the cause (no space left), the last one what came of it (a pack that is not whole). */
  get text (): string {
    const all = [...this.#lines, this.#rest.trim()].filter(line => line !== '' && !PROGRESS.test(line))
    const grave = all.filter(line => COMPLAINT.test(line))
    const [first, last] = grave.length > 0 ? [grave[0], grave.at(-1)] : [all.at(-1), all.at(-1)]
    return clean(first === last ? first ?? 'git failed' : `${first}; ${last}`)
  }

  /** Why a run was ended, with how far it had come: to fall silent is another thing than never to have spoken. */
  explain (reason: string): string {
    const at = PROGRESS.test(this.#rest.trim()) ? this.#rest.trim() : this.#progress
    return at === '' ? reason : clean(`${reason}, after "${at}"`)
  }
}

// What git says may hold a URL with credentials that a server sent back in a redirect.
function clean (text: string): string {
  return text.replace(/\/\/[^@/\s]*@/g, '//')
}
