/** The order-history service as a process: `node sample-services/order-history/main.ts --port 0`. */
import { runMain } from '@breakwater/starter'
import { startOrderHistory } from './order-history.ts'

runMain(process, 'order-history', startOrderHistory)
