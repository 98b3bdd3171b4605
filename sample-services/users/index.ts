export { startUsers } from './users.ts'
