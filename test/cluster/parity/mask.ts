/** What may differ between two engines that answered the same: ids, times, versions, addresses, made-up names and temporary files. */
export function mask(text: string): string {
  return sorted(text
    .replace(/https:\/\/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UID')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+-]\d{4})/g, 'TIME')
    .replace(/(resourceVersion"?: ?)"\d+"/gi, '$1"VERSION"').replace(/(Resource Version: +)\d+/g, '$1VERSION')
    .replace(/(\/(LIVE|MERGED)-)\d+/g, '$1N').replace(/kubectl[-.\d]*-edit-\d+/g, 'kubectl-edit-N')
    .replace(/^[IWE]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ /gm, 'LOG ')
    .replace(/ResourceVersion in record \(\d+\)/g, 'ResourceVersion in record (VERSION)')
    .replace(/\b(gen-)[a-z0-9]{5}\b/gi, '$1NAME')
    .replace(/(Creation Timestamp: +|Time: +)TIME/g, '$1TIME')
    .replace(/(^|\s)(\d+(ms|[smhd]))+(?=\s|$)/g, '$1AGE').replace(/AGE +/g, 'AGE '));
}

/**
 * kube-apiserver gives the causes of a refusal in no order (kubectl prints them as lines that begin with a star), and older kubectl
 * describes the keys of a Secret in none.
 */
function sorted(text: string): string {
  return text.replace(/(^\* .*\n?)+|(^\S+: +\d+ bytes\n?)+/gm, (block) => block.trimEnd().split('\n').sort().join('\n') + '\n');
}
