package breakwater;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.FilterType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A service that registers by itself and tells whom it can see. */
@SpringBootApplication
@ComponentScan(excludeFilters = @ComponentScan.Filter(type = FilterType.ASSIGNABLE_TYPE, classes = ServerApplication.class))
@RestController
public class ServiceApplication {
    private final DiscoveryClient discovery;

    public ServiceApplication(DiscoveryClient discovery) {
        this.discovery = discovery;
    }

    public static void main(String[] args) {
        SpringApplication.run(ServiceApplication.class, args);
    }

    /** Every service with the addresses of its instances, as Spring's own client knows them. */
    @GetMapping("/seen")
    public Map<String, List<String>> seen() {
        Map<String, List<String>> seen = new TreeMap<>();
        for (String service : discovery.getServices()) {
            seen.put(service, discovery.getInstances(service).stream().map(one -> one.getUri().toString()).sorted().toList());
        }
        return seen;
    }
}
