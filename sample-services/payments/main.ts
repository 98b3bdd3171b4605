/** The payments service as a process: `node sample-services/payments/main.ts --port 0`. */
import { runMain } from '@breakwater/starter'
import { startPayments } from './payments.ts'

runMain(process, 'payments', startPayments)
