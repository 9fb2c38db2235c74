<?php
// Publishes on a hub with Symfony's own component, as its documentation has it, and writes what it was answered, as JSON.
// php symfony-publisher.php URL KEY

require_once 'Symfony/Component/Mercure/autoload.php';

use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\Mercure\Authorization;
use Symfony\Component\Mercure\Discovery;
use Symfony\Component\Mercure\Hub;
use Symfony\Component\Mercure\HubRegistry;
use Symfony\Component\Mercure\Jwt\FactoryTokenProvider;
use Symfony\Component\Mercure\Jwt\TokenFactoryInterface;
use Symfony\Component\Mercure\Update;
use Symfony\Component\WebLink\HttpHeaderSerializer;

/** Stands in for LcobucciFactory: Debian has no package of lcobucci/jwt. It too writes times with a fraction. */
final class PlainFactory implements TokenFactoryInterface
{
    public function __construct(private string $key)
    {
    }

    public function create(?array $subscribe = [], ?array $publish = [], array $additionalClaims = []): string
    {
        $claims = ['mercure' => array_filter(compact('subscribe', 'publish'), 'is_array')];
        foreach ($additionalClaims as $name => $claim) {
            $claims[$name] = $claim instanceof DateTimeInterface ? (float) $claim->format('U.u') : $claim;
        }
        $signed = self::encoded('{"typ":"JWT","alg":"HS256"}').'.'.self::encoded(json_encode($claims));

        return $signed.'.'.self::encoded(hash_hmac('sha256', $signed, $this->key, true));
    }

    private static function encoded(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}

[, $url, $key] = $argv;
$factory = new PlainFactory($key);
$hub = new Hub($url, new FactoryTokenProvider($factory, [], ['https://example.com/books/{id}', 'https://example.com/sales']), $factory);

$update = static fn (...$arguments) => $hub->publish(new Update(...$arguments));
$book = 'https://example.com/books/1';
$ids = [
    $update($book, "{\"title\":\"Dune & Söhne\"}\r\na+b=c%20d"),
    $update([$book, 'https://example.com/sales'], 'sold', false, 'urn:example:1', 'sale', 1500),
    $update($book, 'draft', true),
    $update($book),
];

$refusal = '';
try {
    $update('https://example.com/elsewhere', 'x');
} catch (RuntimeException $exception) {
    $refusal = $exception->getPrevious()->getMessage();
}

$request = Request::create($url);
$registry = new HubRegistry($hub);
$cookie = (new Authorization($registry))->createCookie($request, ['https://example.com/books/{id}']);
(new Discovery($registry))->addLink($request);

echo json_encode([
    'ids' => $ids,
    'refusal' => $refusal,
    'cookie' => $cookie->getName().'='.$cookie->getValue(),
    'link' => (new HttpHeaderSerializer())->serialize($request->attributes->get('_links')->getLinks()),
]);
