/** Who is on the other side of a client connection, and the forwarding headers that follow from it. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import type { ForwardedOptions } from '../data-plane-options.ts'
import { equalsIgnoreCase, flattened } from './characters.ts'
import type { HttpExchange } from './exchange.ts'
import { PRIVATE } from './header-lines.ts'
import { unmapped } from '../security/networks.ts'
import { certificateLine, CLIENT_CERTIFICATE_HEADER, type ClientCertificate } from '../security/client-certificate.ts'

/** Decides whose inherited X-Forwarded-* are believed. */
export class TrustedProxies {
  private readonly patterns: readonly RegExp[]
  private readonly blocks = new BlockList()

  constructor (rules: readonly string[]) {
    const patterns: RegExp[] = []
    for (const rule of rules) if (!this.addBlock(rule)) patterns.push(new RegExp(`^(?:${rule})$`))
    this.patterns = patterns
  }

  private addBlock (rule: string): boolean {
    const [address = '', bits] = rule.split('/')
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined
    if (family === undefined) return false
    this.blocks.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family)
    return true
  }

  trusts (address: string): boolean {
    if (this.patterns.some((pattern) => pattern.test(address))) return true
    return this.blocks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}

/** Both ends of a connection, and who its client proved to be. */
export interface Ends {
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly localPort: number
  readonly secure: boolean
  readonly certificate: ClientCertificate | undefined
}

export class Peer {
  readonly address: string
  readonly port: number
  readonly secure: boolean
  /** What it says of others, and of their patience, is believed. */
  readonly trusted: boolean
  private readonly options: ForwardedOptions
  /** The lines for requests that inherit nothing, made once per Host that this connection names. */
  private cachedHost: string | undefined = undefined
  private cachedLines = ''
  readonly certificate: ClientCertificate | undefined
  private readonly certificateLine: string
  /** `by=...;` of Forwarded, or nothing. */
  private readonly byPart: string

  constructor (ends: Ends, options: ForwardedOptions, proxies: TrustedProxies) {
    this.address = unmapped(ends.address)
    this.port = ends.port
    this.secure = ends.secure
    this.options = options
    this.certificate = ends.certificate
    this.certificateLine = ends.certificate === undefined ? '' : certificateLine(ends.certificate)
    this.byPart = options.by ? `;by="${bracketed(unmapped(ends.localAddress))}:${ends.localPort}"` : ''
    this.trusted = options.trustedProxies.length > 0 && proxies.trusts(this.address)
  }

  /**
   * X-Forwarded-* and Forwarded lines for the upstream. Must run before the request's own lines are written: those
   * that are not believed, or are appended to, are kept back here.
   */
  forwardedLines (x: HttpExchange): string {
    const lines = x.head.hasForwarded ? this.inheritedLines(x) : this.ownLines(x.host)
    return x.path === x.rawPath || !this.options.prefix ? lines : lines + this.prefixLine(x)
  }

  private ownLines (host: string): string {
    if (host !== this.cachedHost) {
      this.cachedHost = host
      this.cachedLines = flattened(this.compose(host, '', '', '', '') + this.forwardedLine(host, ''))
    }
    return this.cachedLines
  }

  /** `before`-texts end with a comma where something is appended to (Spring joins without a space). */
  private compose (host: string, forBefore: string, hostBefore: string, portBefore: string,
    protoBefore: string): string {
    const { options } = this
    let out = ''
    if (options.for) out += `x-forwarded-for: ${forBefore}${this.address}\r\n`
    if (options.proto) out += `x-forwarded-proto: ${protoBefore}${this.secure ? 'https' : 'http'}\r\n`
    if (options.host && host !== '') out += `x-forwarded-host: ${hostBefore}${host}\r\n`
    if (options.port) out += `x-forwarded-port: ${portBefore}${this.portOf(host)}\r\n`
    return out + this.certificateLine
  }

  private portOf (host: string): string {
    const colon = host.lastIndexOf(':')
    if (colon > host.lastIndexOf(']')) return host.slice(colon + 1)
    return this.secure ? '443' : '80'
  }

  private forwardedLine (host: string, before: string): string {
    if (!this.options.forwarded) return ''
    const hostPart = host === '' ? '' : `host="${host}";`
    const forPart = `for="${bracketed(this.address)}:${this.port}"`
    return `forwarded: ${before}proto=${this.secure ? 'https' : 'http'};${hostPart}${forPart}${this.byPart}\r\n`
  }

  private inheritedLines (x: HttpExchange): string {
    if (!this.trusted) {
      this.keepBack(x, 'x-forwarded-')
      this.keepBack(x, 'forwarded')
      return this.ownLines(x.host)
    }
    const { lines } = x.head
    const { append } = this.options
    const before = (name: string, kept: boolean): string => kept ? lines.all(name).map((value) => `${value},`).join('') : ''
    const composed = this.compose(x.host, before('x-forwarded-for', append.for), before('x-forwarded-host', append.host),
      before('x-forwarded-port', append.port), before('x-forwarded-proto', append.proto)) +
      this.forwardedLine(x.host, before('forwarded', true))
    const { for: addsFor, host, port, proto, forwarded } = this.options
    for (const [name, rewritten] of [['x-forwarded-for', addsFor], ['x-forwarded-host', host], ['x-forwarded-port', port],
      ['x-forwarded-proto', proto], ['forwarded', forwarded], [CLIENT_CERTIFICATE_HEADER, true]] as const) if (rewritten) this.keepBack(x, name)
    return composed
  }

  /** Keeps back the fields of this name, or, when it ends with `-`, all that begin with it. */
  private keepBack (x: HttpExchange, name: string): void {
    const { lines } = x.head
    const prefix = name.endsWith('-')
    for (let line = 0; line < lines.count; line++) {
      const start = lines.lineStart[line]!
      const end = lines.nameEnd[line]!
      const compared = prefix ? Math.min(end, start + name.length) : end
      if (lines.fate[line] === 0 && equalsIgnoreCase(lines.text, start, compared, name)) lines.fate[line] = PRIVATE
    }
  }

  /** What a rewrite cut off the front of the path (`/users/1` -> `/1`: `/users`); an inherited one comes first. */
  private prefixLine (x: HttpExchange): string {
    const stripped = x.path === '/' ? '' : x.path
    const original = x.rawPath.endsWith('/') && !stripped.endsWith('/') ? x.rawPath.slice(0, -1) : x.rawPath
    if (!original.endsWith(stripped) || original === stripped) return ''
    const inherited = x.head.lines.all('x-forwarded-prefix')
    this.keepBack(x, 'x-forwarded-prefix')
    const own = original.slice(0, original.length - stripped.length)
    return `x-forwarded-prefix: ${[...(this.trusted && this.options.append.prefix ? inherited : []), own].join(',')}\r\n`
  }
}

function bracketed (address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
