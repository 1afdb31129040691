import { expect } from 'chai';
import fc from 'fast-check';
import { matchesSelector } from '#crds/selectors.js';
import { BadRequest } from './errors.js';
import { compileFields, compileLabels, onlyName, selectableFields } from './selectors.js';

describe('selectors', () => {
  const labels = { env: 'prod', tier: '', 'example.com/rack': '7' };
  const rows: [string, boolean][] = [
    ['', true], ['env=prod', true], ['env==prod', true], ['env = prod', true], ['env!=prod', false], ['other!=prod', true],
    ['env in (lab,prod)', true], ['env in(lab)', false], ['env notin (lab)', true], ['other notin (x)', true], ['other in (x)', false], ['tier in ()', true],
    ['env', true], ['!env', false], ['! env', false], ['!other', true], ['tier=', true], ['tier', true], ['env,tier=,!other', true],
    ['example.com/rack=7', true], ['example.com/rack>6', true], ['example.com/rack<7', false], ['env>1', false], ['env in (a),env', false],
  ];
  for (const [selector, expected] of rows) {
    it(`${expected ? 'matches' : 'does not match'} "${selector}"`, () => {
      const test = compileLabels(selector);
      expect(test?.(labels) ?? true).to.equal(expected);
    });
  }

  for (const bad of ['env in', 'env in (a', 'env in a)', '(', 'a b', '=b', 'a==', 'a=b=c', 'a>x', ',', 'a,', '!', 'a=$', 'UP_/x=1', `${'x'.repeat(64)}`, 'a!b', 'a in ((b))']) {
    const reads = bad === 'a==';
    it(`${reads ? 'reads' : 'refuses'} "${bad}"`, () => {
      if (reads) expect(compileLabels(bad)?.({ a: '' })).to.equal(true);
      else expect(() => compileLabels(bad)).to.throw(BadRequest, /found '|Invalid value/);
    });
  }

  it('agree with structured selectors (property)', () => {
    const key = fc.constantFrom('a', 'b', 'example.com/c');
    const value = fc.constantFrom('', 'x', 'y', '1-2');
    const requirement = fc.oneof(
      fc.record({ key, operator: fc.constantFrom('In' as const, 'NotIn' as const), values: fc.uniqueArray(value, { minLength: 1, maxLength: 3 }) }),
      fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
    );
    fc.assert(fc.property(fc.array(requirement, { minLength: 1, maxLength: 4 }), fc.dictionary(key, value), (matchExpressions, own) => {
      const text = matchExpressions.map((one) => ('values' in one ? `${one.key} ${one.operator === 'In' ? 'in' : 'notin'} (${one.values.join(',')})` : `${one.operator === 'Exists' ? '' : '!'}${one.key}`)).join(',');
      expect(compileLabels(text)?.(own)).to.equal(matchesSelector({ matchExpressions }, own));
    }));
  });

  it('know the fields of each kind', () => {
    expect(selectableFields('ResticJob')).to.include.members(['metadata.name', 'spec.hostRef.name', 'status.phase']);
    expect(selectableFields('Event')).to.include('involvedObject.uid');
    expect(selectableFields('Secret')).to.include('type');
    expect(() => compileFields('Host', 'spec.suspend=true')).to.throw('field label not supported: spec.suspend');
    expect(() => compileFields('Host', 'nonsense')).to.throw(`invalid selector: 'nonsense'; can't understand 'nonsense'`);
  });

  it('read escaped values and absent fields as empty', () => {
    const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' }, reason: 'a,b=c\\' };
    expect(compileFields('Event', 'reason=a\\,b\\=c\\\\,type=')?.(event)).to.equal(true);
    expect(compileFields('Event', 'involvedObject.name=')?.(event)).to.equal(true);
    expect(compileFields('Event', 'type!=Normal')?.(event)).to.equal(true);
  });

  it('see when exactly one name is asked for', () => {
    expect(onlyName('metadata.name=web1')).to.equal('web1');
    expect(onlyName('metadata.name=web1,type=x')).to.equal(undefined);
    expect(onlyName('metadata.name!=web1')).to.equal(undefined);
  });
});
