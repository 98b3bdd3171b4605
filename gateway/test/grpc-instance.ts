/**
 * A gRPC server as services have them (`@grpc/grpc-js`), with a service defined by hand: messages are bytes, so no
 * protobuf compiler is needed. Run as a process it tells its port, to be killed.
 */
import { EventEmitter } from 'node:events'
import {
  Metadata, Server, ServerCredentials, status, type handleBidiStreamingCall, type handleClientStreamingCall,
  type handleServerStreamingCall, type handleUnaryCall, type MethodDefinition, type ServerOptions
} from '@grpc/grpc-js'

const bytes = (value: Buffer): Buffer => value

/** Of a service whose messages are left as bytes. */
export function method (path: string, requestStream = false, responseStream = false): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes
  }
}

export const GREETER = {
  echo: method('/greet.Greeter/Echo'),
  fail: method('/greet.Greeter/Fail'),
  hang: method('/greet.Greeter/Hang'),
  count: method('/greet.Greeter/Count', false, true),
  sum: method('/greet.Greeter/Sum', true),
  chat: method('/greet.Greeter/Chat', true, true)
} as const

export interface GrpcInstance {
  readonly port: number
  /**
   * `hanging` when a call has begun, `summing` when a message is in, `cancelled` when the server has learned that
   * nobody waits.
   */
  readonly events: EventEmitter
  stop (): void
}

/** Answers with what came: the message, and as metadata all whose name begins with `x-`. */
const echo: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  const initial = new Metadata()
  for (const name of Object.keys(call.metadata.getMap())) {
    if (name.startsWith('x-')) for (const value of call.metadata.get(name)) initial.add(name, value)
  }
  call.sendMetadata(initial)
  const trailing = new Metadata()
  trailing.set('x-end', 'over')
  trailing.set('x-end-bin', Buffer.from([255, 0, 1]))
  done(null, call.request, trailing)
}

const fail: handleUnaryCall<Buffer, Buffer> = (_call, done) => {
  const metadata = new Metadata()
  metadata.set('x-why-bin', Buffer.from('no such user'))
  done({ code: status.NOT_FOUND, details: 'nobody here: 100 % \u{1F600}', metadata })
}

/** As many messages as the request has bytes. */
const count: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  for (let n = 1; n <= call.request.length; n++) call.write(Buffer.from(String(n)))
  call.end()
}

/** Each message is answered before the next; `enough` ends the call with an error while the client still may send. */
const chat: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on('data', (message: Buffer) => {
    if (message.toString() === 'enough') call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'enough' })
    else call.write(Buffer.from(`re: ${message.toString()}`))
  })
  call.on('end', () => call.end())
}

/** On a free port; `credentials` for TLS. */
export async function startGrpcInstance (credentials = ServerCredentials.createInsecure(),
  options: ServerOptions = {}): Promise<GrpcInstance> {
  const events = new EventEmitter()
  const hang: handleUnaryCall<Buffer, Buffer> = (call) => {
    call.on('cancelled', () => events.emit('cancelled'))
    events.emit('hanging')
  }
  const sum: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
    const parts: string[] = []
    call.on('data', (message: Buffer) => {
      parts.push(message.toString())
      events.emit('summing')
    })
    call.on('end', () => done(null, Buffer.from(parts.join('+'))))
  }
  const server = new Server(options)
  server.addService(GREETER, { echo, fail, hang, count, sum, chat })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (fault, bound) => fault === null ? resolve(bound) : reject(fault))
  })
  return { port, events, stop: () => server.forceShutdown() }
}

if (import.meta.main) {
  const { port, events } = await startGrpcInstance()
  events.on('hanging', () => process.send!('hanging'))
  process.send!(port)
}
