/** The orders service as a process: `node sample-services/orders/main.ts --port 0`. */
import { runMain } from '@breakwater/starter'
import { startOrders } from './orders.ts'

runMain(process, 'orders', startOrders)
