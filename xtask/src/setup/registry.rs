//! The OCI registry of the tests.

use super::debian::Program;

pub(crate) const REGISTRY: Program = Program {
    what: "OCI registry",
    name: "docker-registry",
    variable: "FOREWARM_TEST_REGISTRY",
    oldest: "",
    is_usable: says_its_name,
    advice: "`apt-get install docker-registry`, or put docker-registry on PATH",
};

/// `docker-registry github.com/docker/distribution 2.8.2+ds1`; newer ones are `github.com/distribution/distribution`.
fn says_its_name(text: &str) -> bool {
    text.contains("/distribution")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_registry_by_what_it_says() {
        assert!(says_its_name("/usr/bin/docker-registry github.com/docker/distribution 2.8.2+ds1\n"));
        assert!(!says_its_name("registry 1.0"));
    }
}
