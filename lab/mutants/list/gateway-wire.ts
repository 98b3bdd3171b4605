/** Faults of the gateway's wire: what leaves the road, what is sent again, who is waited for and how long. */
import type { Mutant } from '../mutant.ts'

export const GATEWAY_WIRE: readonly Mutant[] = [
  {
    id: 'handshake-not-checked',
    package: 'gateway',
    breaks: 'only the right answer to a handshake leaves the road',
    file: 'gateway/http1/upgrades.ts',
    from: 'return given === accept && more',
    to: 'return given !== \'\' && more',
    seenBy: ['gateway/test/handshakes.test.ts']
  },
  {
    id: 'accept-twice',
    package: 'gateway',
    breaks: 'one Sec-WebSocket-Accept, and no second',
    file: 'gateway/http1/upgrades.ts',
    from: 'more.length === 0 && lines',
    to: 'lines',
    seenBy: ['gateway/test/handshakes.test.ts']
  },
  {
    id: 'upgrade-everywhere',
    package: 'gateway',
    breaks: 'an upgrade is offered only where the route is meant for it',
    file: 'gateway/http1/upgrades.ts',
    from: 'if (this.loop.options.webSocketsOnAnyRoute || isMeantForWebSockets(x.route)) return true',
    to: 'if (isMeantForWebSockets(x.route) || x.route.id !== \'\') return true',
    seenBy: ['gateway/test/handshakes.test.ts']
  },
  {
    id: 'handshake-without-deadline',
    package: 'gateway',
    breaks: 'a handshake that nobody answers ends',
    file: 'gateway/upstream/tries.ts',
    from: '(x.wantsUpgrade ? this.connectTimeoutMs(x) : 0)',
    to: '0',
    seenBy: ['gateway/test/websocket.test.ts']
  },
  {
    id: 'unsent-needs-retry',
    package: 'gateway',
    breaks: 'what was not sent goes elsewhere without Retry',
    file: 'gateway/upstream/tries.ts',
    from: 'if (!sent && this.goesElsewhere(x, nowMs)) return',
    to: 'if (!sent && x.route.retry !== undefined && this.goesElsewhere(x, nowMs)) return',
    seenBy: ['gateway/test/elsewhere.test.ts']
  },
  {
    id: 'unsent-is-a-try',
    package: 'gateway',
    breaks: 'a try of which nothing was sent is no retry',
    file: 'gateway/upstream/tries.ts',
    from: '    x.attempt--\n',
    to: '',
    seenBy: ['gateway/test/elsewhere.test.ts']
  },
  {
    id: 'full-pool-stays',
    package: 'gateway',
    breaks: 'a full pool is no end',
    file: 'gateway/upstream/tries.ts',
    from: 'if (picked && this.goesElsewhere(x, nowMs)) return',
    to: 'if (!picked && this.goesElsewhere(x, nowMs)) return',
    seenBy: ['gateway/test/elsewhere.test.ts']
  },
  {
    id: 'handshake-timeout-stays',
    package: 'gateway',
    breaks: 'a TLS handshake that does not end has sent nothing',
    file: 'gateway/upstream/tries.ts',
    from: 'undefined, connected)',
    to: 'undefined, true)',
    seenBy: ['gateway/test/elsewhere.test.ts']
  },
  {
    id: 'close-inside-a-frame',
    package: 'gateway',
    breaks: 'a Close is said between two frames',
    file: 'gateway/http1/web-socket-leg.ts',
    from: 'if (way.silenced || !way.frames.between) return',
    to: 'if (way.silenced) return',
    seenBy: ['gateway/test/farewells.test.ts']
  },
  {
    id: 'words-behind-a-close',
    package: 'gateway',
    breaks: 'nothing follows a Close',
    file: 'gateway/http1/web-socket-leg.ts',
    from: 'at === 0 || way.silenced || way.send',
    to: 'at === 0 || way.send',
    seenBy: ['gateway/test/farewells.test.ts']
  },
  {
    id: 'two-closes',
    package: 'gateway',
    breaks: 'who has said Close is told nothing',
    file: 'gateway/http1/web-socket-leg.ts',
    from: 'if (!way.frames.closed) way.send',
    to: 'way.send',
    seenBy: ['gateway/test/farewells.test.ts']
  },
  {
    id: 'streams-not-told',
    package: 'gateway',
    breaks: 'event streams end early in a drain',
    file: 'gateway/http1/farewell.ts',
    from: 'startsWith(\'text/event-stream\') === true',
    to: 'startsWith(\'text/x\') === true',
    seenBy: ['gateway/test/farewells.test.ts']
  },
  {
    id: 'sessions-not-waited-for',
    package: 'gateway',
    breaks: 'a drain waits for what its sessions still write',
    file: 'gateway/loop.ts',
    from: 'this.clients.size === 0 && this.http2.isEmpty',
    to: 'this.clients.size === 0',
    seenBy: ['gateway/test/farewells.test.ts']
  },
  {
    id: 'any-looks-again',
    package: 'gateway',
    breaks: 'a path is matched in linear time',
    file: 'gateway/routes/path-pattern.ts',
    from: '      this.inVain[p * width + at] = 1\n',
    to: '',
    seenBy: ['gateway/test/patterns.test.ts']
  },
  {
    id: 'lazy-is-greedy',
    package: 'gateway',
    breaks: 'a variable takes as little as it can',
    file: 'gateway/routes/wildcards.ts',
    from: '(lazy && best >= 0) || ',
    to: '',
    seenBy: ['gateway/test/patterns.test.ts']
  },
  {
    id: 'labels-half',
    package: 'gateway',
    breaks: 'labels are whole',
    file: 'gateway/routes/wildcards.ts',
    from: 'if (text[at] === DOT && dot > at + 1)',
    to: 'if (text[at] === DOT && dot > at)',
    seenBy: ['gateway/test/patterns.test.ts']
  },
  {
    id: 'interims-of-a-try',
    package: 'gateway',
    breaks: 'interim answers are counted over all tries',
    file: 'gateway/upstream/upstream-connection.ts',
    from: '++exchange.interims > MAX_INTERIMS',
    to: '++exchange.interims > MAX_INTERIMS * exchange.attempt',
    seenBy: ['gateway/test/interims.test.ts']
  },
  {
    id: 'interims-kept',
    package: 'gateway',
    breaks: 'a request begins with no interim answers',
    file: 'gateway/http1/exchange.ts',
    from: '    this.interims = 0\n',
    to: '',
    seenBy: ['gateway/test/interims.test.ts']
  },
  {
    id: 'long-interims',
    package: 'gateway',
    breaks: 'interim answers are bounded in bytes',
    file: 'gateway/upstream/upstream-connection.ts',
    from: 'exchange.interimBytes > MAX_INTERIM_BYTES || ',
    to: '',
    seenBy: ['gateway/test/interims.test.ts']
  },
  {
    id: 'http2-interims',
    package: 'gateway',
    breaks: 'an instance over HTTP/2 is bounded',
    file: 'gateway/upstream/upstream-connection.ts',
    from: 'return this.fault(exchange, \'the upstream sent interim answers without end\')',
    to: 'exchange.interims = 0',
    seenBy: ['gateway/test/interims.test.ts']
  },
  {
    id: 'block-forgotten',
    package: 'gateway',
    breaks: 'a head that goes on ends',
    file: 'gateway/http2/frame-watch.ts',
    from: 'if (this.blockSinceMs !== NEVER && exceeds',
    to: 'if (this.blockSinceMs !== NEVER && !this.settled && exceeds',
    seenBy: ['gateway/test/http2-phases.test.ts']
  },
  {
    id: 'block-begins-anew',
    package: 'gateway',
    breaks: 'trickling does not move a deadline',
    file: 'gateway/http2/frame-watch.ts',
    from: 'if (this.type === HEADERS && this.blockSinceMs === NEVER)',
    to: 'if (this.type === HEADERS || this.type === CONTINUATION)',
    seenBy: ['gateway/test/http2-phases.test.ts']
  },
  {
    id: 'settings-unanswered',
    package: 'gateway',
    breaks: 'settings are answered in time',
    file: 'gateway/http2/frame-watch.ts',
    from: '!(this.settled && this.agreed)',
    to: '!this.settled',
    seenBy: ['gateway/test/http2-phases.test.ts']
  },
  {
    id: 'half-close-in-http2',
    package: 'gateway',
    breaks: 'a client of HTTP/2 that closes its side is gone',
    file: 'gateway/http2/watched-socket.ts',
    from: '    socket.on(\'end\', () => this.destroy())\n',
    to: '',
    seenBy: ['gateway/test/http2-phases.test.ts']
  },
  {
    id: 'pings-keep-alive',
    package: 'gateway',
    breaks: 'signs of life do not keep a connection',
    file: 'gateway/http2/front.ts',
    from: 'streams === 0 && keepAliveTimeoutMs > 0',
    to: 'streams < 0 && keepAliveTimeoutMs > 0',
    seenBy: ['gateway/test/http2-phases.test.ts']
  },
  {
    id: 'lookalikes-pass',
    package: 'gateway',
    breaks: 'a field that a program behind cannot tell from ours does not reach it',
    file: 'gateway/http1/request-head.ts',
    from: '    dropLookalikes(this.lines, lineEnd + 2)\n',
    to: '',
    seenBy: ['gateway/test/wire-rules.test.ts']
  },
  {
    id: 'parameters-hide-a-segment',
    package: 'gateway',
    breaks: 'nobody goes past a route by a segment of parameters alone',
    file: 'gateway/http1/target.ts',
    from: "  if (path.includes('/;')) return undefined\n",
    to: '',
    seenBy: ['gateway/test/wire-rules.test.ts']
  },
  {
    id: 'merged-for-the-route-alone',
    package: 'gateway',
    breaks: 'what is matched is what is sent',
    file: 'gateway/http1/request-head.ts',
    from: 'const goesOnAsItIs = this.http11 && this.rawTarget === target',
    to: "const goesOnAsItIs = this.http11 && target.startsWith('/')",
    seenBy: ['gateway/test/wire-rules.test.ts']
  },
  {
    id: 'quoted-line-end',
    package: 'gateway',
    breaks: 'a quoted chunk extension holds no end of a line',
    file: 'gateway/http1/chunked.ts',
    from: 'if ((byte < SP && byte !== TAB) || byte === DEL) return false',
    to: 'if (byte === DEL) return false',
    seenBy: ['gateway/test/wire-rules.test.ts']
  },
  {
    id: 'old-tls-kept',
    package: 'gateway',
    breaks: 'kept connections made with a withdrawn certificate take no further request',
    file: 'gateway/upstream/pool.ts',
    from: 'return this.instance.secure && bornMs <= this.loop.tlsSinceMs',
    to: 'return this.instance.secure && bornMs < 0',
    seenBy: ['gateway/test/upstream-tls.test.ts']
  },
  {
    id: 'old-tls-sessions-kept',
    package: 'gateway',
    breaks: 'sessions of HTTP/2 made with a withdrawn certificate take no further request',
    file: 'gateway/loop.ts',
    from: 'if (session.encrypted === true) session.close()',
    to: 'if (session.encrypted === false) session.close()',
    seenBy: ['gateway/test/upstream-tls.test.ts']
  }
]
