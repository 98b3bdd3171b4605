export { startOrders } from './orders.ts'
