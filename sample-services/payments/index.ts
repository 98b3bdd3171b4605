export { startPayments } from './payments.ts'
