package declare

// The objectives of the programme's grant. A measure serves one of them.
const (
	ObjectiveSafety       = "Increased safety, self-sufficiency, well-being and independence"
	ObjectiveEmergency    = "Emergency services within the first 24 hours of engagement"
	ObjectiveResidential  = "Long-term residential care"
	ObjectiveCoordination = "Ongoing coordinated case management and other needed services"
	ObjectivePrevention   = "Prevention through training, outreach, education and treatment of purchasers"
)

// Objectives lists them in the order of the grant.
func Objectives() []string {
	return []string{ObjectiveSafety, ObjectiveEmergency, ObjectiveResidential, ObjectiveCoordination, ObjectivePrevention}
}

// The prongs of the model. A measure belongs to one of them.
const (
	ProngTraining  = "Training law enforcement"
	ProngProsecute = "Prosecuting exploiters and purchasers"
	ProngServices  = "Advocacy and services"
	ProngPolicy    = "Policy and resource development"
	ProngCommunity = "Community education, partnership and engagement"
)

// Prongs lists them in the order of the model.
func Prongs() []string {
	return []string{ProngTraining, ProngProsecute, ProngServices, ProngPolicy, ProngCommunity}
}
