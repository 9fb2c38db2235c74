import { isValueOptional, type Kind, SETTINGS, type Setting } from './settings.js';

const TYPES: Record<Kind, object> = {
  text: { type: ['string', 'number'] },
  secret: { type: 'string' },
  number: { type: 'number', minimum: 0 },
  switch: { type: 'boolean' },
  list: { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
};

/** The file's JSON Schema, for editors and for whoever checks a file before it is used. */
export function settingsSchema(): object {
  const properties = SETTINGS.map((setting) => {
    const { name, about, fallback } = setting;
    return [
      name,
      { ...typeOf(setting), description: `${about}${fallback === undefined ? '' : ` (default: ${fallback})`}` },
    ];
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'tradewind serve',
    type: 'object',
    properties: { $schema: { type: 'string' }, ...Object.fromEntries(properties) },
    additionalProperties: false,
  };
}

function typeOf(setting: Setting): object {
  const type = TYPES[setting.kind];
  return isValueOptional(setting) ? { anyOf: [type, { const: true }] } : type;
}
