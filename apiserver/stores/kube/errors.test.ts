/** Answers of a Kubernetes API server become the eight errors by code and reason; what is no Status is shown as it is. */
import { expect } from 'chai';
import { refusalOf, Unexplained, watchError } from './errors.js';

const status = (code: number, reason: string, details: object = {}): string => JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'as said', reason, details, code });

describe('errors of a Kubernetes API server', () => {
  const rows: [code: number, reason: string, expected: string][] = [
    [400, 'BadRequest', 'Invalid'], [401, 'Unauthorized', 'Forbidden'], [403, 'Forbidden', 'Forbidden'], [404, 'NotFound', 'NotFound'], [409, 'AlreadyExists', 'AlreadyExists'], [409, 'Conflict', 'Conflict'],
    [410, 'Expired', 'Gone'], [410, 'Gone', 'Gone'], [413, 'RequestEntityTooLarge', 'Invalid'], [415, 'UnsupportedMediaType', 'Invalid'], [422, 'Invalid', 'Invalid'], [429, 'TooManyRequests', 'TooManyRequests'],
    [500, 'InternalError', 'Unavailable'], [500, '', 'Unavailable'], [503, 'ServiceUnavailable', 'Unavailable'], [504, 'Timeout', 'Unavailable'],
  ];
  for (const [code, reason, expected] of rows) {
    it(`takes ${code} ${reason || 'without a reason'} as ${expected}`, () => {
      expect(refusalOf(code, status(code, reason))).to.include({ reason: expected, message: 'as said' });
      expect(watchError(JSON.parse(status(code, reason)))).to.include({ reason: expected });
    });
  }

  it('keeps causes and the time to wait, from the body or the header', () => {
    const causes = [{ reason: 'FieldValueInvalid', message: 'no', field: 'spec.x' }];
    expect(refusalOf(422, status(422, 'Invalid', { causes })).causes).to.deep.equal(causes);
    expect(refusalOf(429, status(429, 'TooManyRequests', { retryAfterSeconds: 7 })).retryAfterSeconds).to.equal(7);
    expect(refusalOf(503, 'upstream is away', '3').retryAfterSeconds).to.equal(3);
  });

  it('shows what a proxy says, and knows a 500 that has no word', () => {
    expect(refusalOf(502, '<html>bad gateway</html>')).to.include({ reason: 'Unavailable', message: 'the Kubernetes API answers 502: <html>bad gateway</html>' });
    expect(refusalOf(500, status(500, ''))).to.be.instanceOf(Unexplained);
    expect(watchError('nonsense')).to.include({ reason: 'Unavailable' });
  });
});
