// An Express application that was there before; `join` takes any server of node:http.
import express from 'express'
import { join } from '@breakwater/starter'

const app = express()
app.get('/people/:id', (request, response) => { response.json({ id: request.params.id, name: 'Ada' }) })
// Another service, by its name; over whichever instance is well.
app.get('/people/:id/orders', async (request, response) => {
  const orders = await client('orders').get(`/orders?user=${request.params.id}`)
  response.json(await orders.json())
})
const server = app.listen(Number(process.env.PORT ?? 4001), '127.0.0.1')
const { client } = await join(server, { name: 'people' })
