/**
 * The least that a Node process can do to tell many readers of a change: one prepared text, written to each socket.
 * Told an instance's id, it writes an event of that instance as long as the registry's.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net'

const EVENT_BYTES = 1100
const readers = new Set<Socket>()

const server = createServer(socket => {
  socket.setNoDelay(true)
  readers.add(socket)
  socket.on('error', () => readers.delete(socket))
  socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n'))
})
process.on('message', (id: string) => {
  const event = Buffer.from(`event: change\ndata: {"instanceId":"${id}"}`.padEnd(EVENT_BYTES) + '\n\n')
  for (const socket of readers) socket.write(event)
})
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
process.once('disconnect', () => process.exit(0))
