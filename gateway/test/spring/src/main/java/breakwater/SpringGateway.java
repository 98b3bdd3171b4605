package breakwater;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Spring Cloud Gateway as it comes; everything is in the configuration that it is started with. */
@SpringBootApplication
public class SpringGateway {
  public static void main(String[] args) {
    SpringApplication.run(SpringGateway.class, args);
  }
}
