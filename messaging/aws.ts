/** The bus on SNS/SQS; apart from the rest, because the SDK is not for those who do not use it. */
export { awsBus } from './bus/aws/aws-bus.ts'
export { readAwsUrl, type AwsBusOptions } from './bus/aws/options.ts'
