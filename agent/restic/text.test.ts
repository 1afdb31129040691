import { expect } from 'chai';
import { refusedOptions, refusedVariables, repositoryRedactor, resticEnvironment } from './env.js';
import { jsonLine, LineSplitter, MAX_LINE } from './lines.js';

describe('restic environment', () => {
  const repository = { name: 'r', url: 'rest:https://h:8000/web1/', password: 'p@ss/wörd', username: 'web1' };

  it('is built from nothing: what the shell had does not leak in', () => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'of the shell';
    process.env['RESTIC_PASSWORD_COMMAND'] = 'evil';
    try {
      expect(Object.keys(resticEnvironment(repository)).sort()).to.deep.equal(['HOME', 'PATH', 'RESTIC_PASSWORD', 'RESTIC_PROGRESS_FPS', 'RESTIC_REPOSITORY', 'TMPDIR']);
    } finally {
      delete process.env['AWS_SECRET_ACCESS_KEY'];
      delete process.env['RESTIC_PASSWORD_COMMAND'];
    }
  });

  it('gives the user of a rest-server in the URL, where only the child sees it', () => {
    expect(resticEnvironment(repository)['RESTIC_REPOSITORY']).to.equal(`rest:https://web1:${encodeURIComponent('p@ss/wörd')}@h:8000/web1/`);
    expect(resticEnvironment({ ...repository, env: { RESTIC_REST_PASSWORD: 'other' } })['RESTIC_REPOSITORY']).to.contain('web1:other@');
  });

  it('passes numbers and names on as options of back ends, and nothing that could name a program or a path', () => {
    const options = { 's3.region': 'eu', 'sftp.command': 'x', 'sftp.args': '-oProxyCommand=x', 'rclone.program': 'x', 'rclone.args': 'x', 'local.layout': 'x' };
    expect(refusedOptions({ ...repository, options })).to.deep.equal(['sftp.command', 'sftp.args', 'rclone.program', 'rclone.args', 'local.layout']);
  });

  it('passes values for back ends on, and nothing that names a program, a library or a file', () => {
    const env = { AWS_ACCESS_KEY_ID: 'a', B2_ACCOUNT_KEY: 'b', LD_PRELOAD: 'x', PATH: '/evil', RESTIC_PASSWORD_COMMAND: 'x', AWS_CONFIG_FILE: '/x', GOOGLE_APPLICATION_CREDENTIALS: '/x' };
    expect(refusedVariables({ ...repository, env })).to.deep.equal(['LD_PRELOAD', 'PATH', 'RESTIC_PASSWORD_COMMAND', 'AWS_CONFIG_FILE', 'GOOGLE_APPLICATION_CREDENTIALS']);
    expect(resticEnvironment({ ...repository, env })).to.include({ AWS_ACCESS_KEY_ID: 'a' }).and.not.to.have.property('LD_PRELOAD');
  });
});

describe('redaction', () => {
  it('masks every form of a secret, and passwords in URLs, and leaves the rest byte for byte', () => {
    const redact = repositoryRedactor({ name: 'r', url: 'x', password: 'p@ss "wörd"', env: { AWS_SECRET_ACCESS_KEY: 'topsecret', AWS_DEFAULT_REGION: 'eu-west-1' } });
    expect(redact(`a p@ss "wörd" b ${encodeURIComponent('p@ss "wörd"')} c ${JSON.stringify({ x: 'p@ss "wörd"' })} topsecret eu-west-1`)).to.equal('a *** b *** c {"x":"***"} *** eu-west-1');
    expect(redact('Head "https://user:anything@h/config": refused')).to.equal('Head "https://user:***@h/config": refused');
    expect(redact('/srv/a: b@c  \r')).to.equal('/srv/a: b@c  \r');
  });

  it('masks a secret as Go writes it, each line of one of several lines, and what is the key in the files of a back end', () => {
    const odd = "p@s's (1)! <&>+= ü";
    const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\nAAAABG5vbmUAAAAEbm9uZQ==\n-----END OPENSSH PRIVATE KEY-----\n';
    const google = JSON.stringify({ type: 'service_account', project_id: 'project-1', private_key_id: '0123456789abcdef', private_key: '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\n' });
    const redact = repositoryRedactor({ name: 'r', url: 'x', password: 'first line\nsecond lïne', env: { AZURE_ACCOUNT_SAS: odd }, files: { 'ssh-key': key, 'gcs.json': google } });
    expect(redact('a first line b')).to.equal('a *** b');
    expect(redact('second lïne')).to.equal('***');
    expect(redact(JSON.stringify({ m: 'first line\nsecond lïne' }))).to.equal('{"m":"***"}');
    for (const form of [odd, 'p%40s%27s%20%281%29%21%20%3C&%3E+=%20%C3%BC', "p@s's (1)! \\u003c\\u0026\\u003e+= ü"]) expect(redact(`x ${form} y`), form).to.equal('x *** y');
    expect(redact('load b3BlbnNzaC1rZXktdjEA, MIIEvQIBADANBg and 0123456789abcdef of project-1')).to.equal('load ***, *** and *** of project-1');
    expect(redact('-----BEGIN PRIVATE KEY-----')).to.equal('-----BEGIN PRIVATE KEY-----');
  });
});

describe('lines', () => {
  function split(chunks: Buffer[]): string[] {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (const chunk of chunks) splitter.write(chunk);
    splitter.end();
    return lines;
  }

  it('are the same whatever the chunks, in UTF-8, with empty ones, with or without the last line feed', () => {
    const bytes = Buffer.from('ä 1\n\n{"message_type":"x"}\r\nend €');
    const whole = split([bytes]);
    expect(whole).to.deep.equal(['ä 1', '', '{"message_type":"x"}\r', 'end €']);
    expect(split([...bytes].map((byte) => Buffer.from([byte])))).to.deep.equal(whole);
  });

  it('of any length lose nothing', () => {
    const long = 'y'.repeat(MAX_LINE * 2 + 5);
    expect(split([Buffer.from(`${long}\nz\n`)]).join('')).to.equal(`${long}z`);
    expect(Math.max(...split([Buffer.from(long)]).map((line) => line.length))).to.equal(MAX_LINE);
  });

  it('that are no JSON object are no JSON', () => {
    expect(['{broken', '[1]', 'null', 'text', '{}'].map((line) => jsonLine(line) !== undefined)).to.deep.equal([false, false, false, false, true]);
  });
});
