package breakwater;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;

import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.InstanceInfo;
import com.netflix.appinfo.MyDataCenterInstanceConfig;
import com.netflix.appinfo.providers.EurekaConfigBasedInstanceInfoProvider;
import com.netflix.discovery.DefaultEurekaClientConfig;
import com.netflix.discovery.DiscoveryClient;
import com.netflix.discovery.shared.Application;
import com.netflix.discovery.shared.transport.jersey3.Jersey3TransportClientFactories;
import com.sun.net.httpserver.HttpServer;

/** Netflix's client without Spring: registers, renews, and tells at / whom it can see. Settings are `--key=value`. */
public class NetflixClient {
    public static void main(String[] args) throws Exception {
        for (String arg : args) {
            String[] setting = arg.substring(2).split("=", 2);
            System.setProperty(setting[0], setting[1]);
        }
        MyDataCenterInstanceConfig config = new MyDataCenterInstanceConfig();
        InstanceInfo info = new EurekaConfigBasedInstanceInfoProvider(config).get();
        ApplicationInfoManager manager = new ApplicationInfoManager(config, info);
        DiscoveryClient client = new DiscoveryClient(
            manager, new DefaultEurekaClientConfig(), Jersey3TransportClientFactories.getInstance());
        manager.setInstanceStatus(InstanceInfo.InstanceStatus.UP);
        Runtime.getRuntime().addShutdownHook(new Thread(client::shutdown));
        serve(client, Integer.getInteger("server.port"));
    }

    private static void serve(DiscoveryClient client, int port) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", exchange -> {
            byte[] body = seen(client).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    /** `APP/id APP/id`, in order. */
    private static String seen(DiscoveryClient client) {
        return client.getApplications().getRegisteredApplications().stream()
            .flatMap((Application app) -> app.getInstances().stream())
            .map(one -> one.getAppName() + "/" + one.getId())
            .sorted().collect(Collectors.joining(" "));
    }
}
